"""Registry of the forms in which dictionaries are published, and reading of a folder in whichever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.weight_file import WeightFile
from circuitviz.registry import Registry
from circuitviz.regular_files import read_regular_file

MAX_CONFIG_BYTES = 2**22  # bytes
MAX_FOLDER_DEPTH = 3  # folders of folders that are looked into


@dataclass(frozen=True)
class DictionaryFormat:
    """One form.

    Attributes:
        contents: What a folder or file of this form holds, for messages.
        recognises: Whether a folder or file is of this form; it looks at names of files, or into a
            configuration, and reads no weights.
        read: Its dictionaries. An InputError is half a sentence that follows the dictionary's name.
    """

    contents: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Sequence[Dictionary]]


dictionary_formats: Registry[DictionaryFormat] = Registry(
    "form of dictionaries", "circuitviz.features.dictionary_formats", "circuitviz.dictionary_formats"
)


def holds_dictionaries(path: Path) -> bool:
    """Whether a folder or file is of a known form."""
    return any(entry.value.recognises(path) for entry in dictionary_formats.entries())


def find_dictionary_folders(path: Path) -> list[Path]:
    """Return the folders and files at or below a path that hold dictionaries; a file is returned as it is.

    Raises:
        InputError: A folder cannot be looked into.
    """
    if path.is_file() or holds_dictionaries(path):
        return [path]
    paths: list[Path] = []
    folders = [path] if path.is_dir() else []
    for _ in range(MAX_FOLDER_DEPTH):
        try:
            children = sorted(child for folder in folders for child in folder.iterdir())
        except OSError as error:
            raise InputError(
                f"'{error.filename}' could not be looked into for dictionaries ({error.strerror})."
            ) from None
        found = [child for child in children if holds_dictionaries(child)]
        paths += found
        folders = [child for child in children if child.is_dir() and child not in found]
    return paths


def read_dictionaries(path: Path) -> list[Dictionary]:
    """Read the dictionaries of one folder or file.

    Raises:
        InputError: It is of no known form, or cannot be used.
    """
    for entry in dictionary_formats.entries():
        if entry.value.recognises(path):
            try:
                return list(entry.value.read(path))
            except InputError as error:
                text = str(error)
                is_sentence = text.startswith(("The ", "'"))
                raise InputError(text if is_sentence else f"The dictionary '{path}' {text}.") from error
            except (OSError, ValueError, KeyError, TypeError, RecursionError, yaml.YAMLError) as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                raise InputError(
                    f"'{path}' could not be read as {entry.summary} ({reason}); {entry.value.contents} that "
                    "fit each other would be right."
                ) from error
    raise InputError(f"'{path}' is no dictionary{describe_files(path)}; {describe_formats()} can be opened.")


def describe_formats() -> str:
    """Return what the known forms hold, as a list in a sentence."""
    *first, last = [entry.value.contents for entry in dictionary_formats.entries()]
    return f"{', '.join(first)} or {last}"


def describe_files(path: Path) -> str:
    """Return the first names that a folder holds, in brackets; empty for what is no folder."""
    if not path.is_dir():
        return "" if path.exists() else " (there is no such folder or file)"
    names = sorted(child.name for child in path.iterdir())
    return (
        f" (it holds {', '.join(names[:4])}{' …' if len(names) > 4 else ''})" if names else " (it is empty)"
    )


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the object that a small JSON file holds; InputError in half a sentence."""
    return _check_object(path, json.loads(_read_text(path)))


def read_yaml_object(path: Path) -> dict[str, Any]:
    """Return the object that a small YAML file holds; InputError in half a sentence."""
    return _check_object(path, yaml.safe_load(_read_text(path)))


def check_tensors(
    file: WeightFile,
    expected: dict[str, tuple[int, ...]],
    optional: dict[str, tuple[int, ...]],
    whole_numbers: Collection[str] = (),
) -> None:
    """Check that a file holds some tensors, maybe others, and none besides, in the right shapes.

    Args:
        file: The file.
        expected: Shapes of the tensors that it has to hold.
        optional: Shapes of those that it may hold.
        whole_numbers: Names of those that hold no floating-point values.

    Raises:
        InputError: In half a sentence.
    """
    shapes = file.shapes
    if missing := sorted(expected.keys() - shapes.keys()):
        raise InputError(f"holds no {', '.join(missing)} in {file.path.name}")
    if unknown := sorted(shapes.keys() - expected.keys() - optional.keys()):
        names = ", ".join(repr(name[:60]) for name in unknown[:4])
        raise InputError(
            f"holds {names} in {file.path.name}, which is not known; what is not used would change its "
            "features without a word"
        )
    for name, shape in {**expected, **optional}.items():
        if name in shapes and shapes[name] != shape:
            raise InputError(
                f"holds {name} of shape {list(shapes[name])}; with its other tensors, {list(shape)} would be "
                "right"
            )
    file.check_dtypes(shapes.keys() - set(whole_numbers))


def vector_length(file: WeightFile, name: str) -> int:
    """Return the length of a vector of a file; InputError in half a sentence where it is none."""
    shape = file.shapes.get(name, ())
    if len(shape) != 1 or not shape[0]:
        found = "no such tensor" if name not in file.shapes else f"one of shape {list(shape)}"
        raise InputError(f"needs a vector {name} in {file.path.name}, which holds {found}")
    return shape[0]


def computing_dtype(file: WeightFile, encoder: str) -> torch.dtype:
    """Return the precision to compute in: float64 where the encoder is, else float32."""
    return torch.float64 if file.dtype_name(encoder) == "F64" else torch.float32


def int_field(config: dict[str, Any], name: str, default: int | None = None) -> int:
    """Return a number of values from a configuration; InputError in half a sentence."""
    value = config.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        shown = "missing" if value is None else repr(value)[:40]
        raise InputError(f"has {name} {shown} in its configuration; a number of values would be right")
    return value


def _read_text(path: Path) -> str:
    content = read_regular_file(path, MAX_CONFIG_BYTES)
    if len(content) > MAX_CONFIG_BYTES:
        raise InputError(f"has a {path.name} of more than {MAX_CONFIG_BYTES // 2**20} MB")
    return content.decode("utf-8")


def _check_object(path: Path, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"has a {path.name} that is no object")
    return value
