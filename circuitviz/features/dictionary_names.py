"""Dictionaries by name: a release of SAELens' table, or a folder of a repository on Hugging Face.

Files come from huggingface_hub's cache, and over the network only where a person asked for the name. Releases
whose form is read here are read here, so that encoder and decoder stay in their file; others are opened by
SAELens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import huggingface_hub
import yaml
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from circuitviz.errors import InputError, first_error_line, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import (
    find_dictionary_folders,
    read_dictionaries,
    read_yaml_object,
)
from circuitviz.features.dictionary_formats.saelens import download_release
from circuitviz.models.hub import cached_hub_file, hub_access, is_download_forbidden
from circuitviz.progress import Progress, ProgressSteps, run_steps_within

SAELENS_PREFIX, HUB_PREFIX = "saelens:", "hf://"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.+=-]+)*(@[\w./-]+)?")
_SUFFIXES = (".json", ".yaml", ".yml", ".safetensors", ".npz")
_WEIGHT_SUFFIXES = (".safetensors", ".npz")
_FILES_OF_FORMS = {  # by the name of SAELens' loader: files beside the weights, and those of one dictionary
    "gemma_2": ((), ("{path}/params.npz",)),
    "gemma_2_transcoder": ((), ("{path}/params.npz",)),
    "gemma_3": ((), ("{path}/config.json", "{path}/params.safetensors")),
    "llama_scope": ((), ("{path}/hyperparams.json", "{path}/checkpoints/final.safetensors")),
    "mwhanna_transcoder": (("config.yaml",), ("{path}",)),
}


@dataclass(frozen=True)
class SaelensRelease:
    """A release of SAELens' table; without an identity, all of its dictionaries."""

    name: str
    identity: str


@dataclass(frozen=True)
class HubFolder:
    """A folder of a repository on Hugging Face; the whole repository where its path is empty."""

    repository: str
    path: str
    revision: str | None

    @property
    def name(self) -> str:
        """As a person writes it."""
        return "/".join(part for part in (self.repository, self.path) if part)


def parse_dictionary_name(given: str | Path) -> SaelensRelease | HubFolder | None:
    """Return what a name stands for; None for a folder or file.

    >>> parse_dictionary_name("saelens:gpt2-small-hook-z-kk/blocks.0.hook_z")
    SaelensRelease(name='gpt2-small-hook-z-kk', identity='blocks.0.hook_z')
    >>> parse_dictionary_name("mwhanna/qwen3-4b-transcoders@main")
    HubFolder(repository='mwhanna/qwen3-4b-transcoders', path='', revision='main')
    """
    text = str(given)
    if text.startswith(SAELENS_PREFIX):
        name, _, identity = text.removeprefix(SAELENS_PREFIX).partition("/")
        return SaelensRelease(name, identity)
    if text.startswith(HUB_PREFIX):
        text = re.sub(r"\?revision=", "@", text.removeprefix(HUB_PREFIX))
    elif Path(text).expanduser().exists():
        return None
    if not isinstance(given, str) or not _NAME.fullmatch(text):
        return None
    path, _, revision = text.partition("@")
    name, _, rest = path.partition("/")
    if not text.startswith(HUB_PREFIX) and name in read_release_table():
        return SaelensRelease(name, rest)
    repository = PurePosixPath(*PurePosixPath(path).parts[:2]).as_posix()
    inside = "/".join(PurePosixPath(path).parts[2:])
    return HubFolder(repository, inside, revision or None) if "/" in repository else None


def absolute_or_name(given: str | Path) -> str:
    """Return the absolute path of a folder or file, or a name as it is: what is kept with a circuit."""
    return str(Path(given).absolute()) if parse_dictionary_name(given) is None else str(given)


@cache
def read_release_table() -> dict[str, Any]:
    """Return SAELens' table of releases by name, without importing SAELens; empty where it is absent."""
    spec = find_spec("sae_lens")
    table = None if spec is None or spec.origin is None else Path(spec.origin).parent / "pretrained_saes.yaml"
    if table is None or not table.is_file():
        return {}
    content = yaml.load(
        table.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return content if isinstance(content, dict) else {}


def read_named_steps(name: SaelensRelease | HubFolder, hub_answers: bool) -> ProgressSteps[list[Dictionary]]:
    """Read what a name stands for, and download it first where it is not in the cache.

    Args:
        name: The name.
        hub_answers: Whether Hugging Face does; else all comes from the cache.

    Raises:
        InputError: There is no such dictionary, it was not downloaded before and there is no network, or it
            cannot be used.
    """
    if isinstance(name, SaelensRelease):
        return (yield from _read_release_steps(name, hub_answers))
    folder = yield from run_steps_within(partial(hub_access, hub_answers), _fetch_folder_steps(name))
    return [one for path in find_dictionary_folders(folder) for one in read_dictionaries(path)]


def _read_release_steps(release: SaelensRelease, hub_answers: bool) -> ProgressSteps[list[Dictionary]]:
    record = read_release_table().get(release.name, {})
    entries = {str(entry["id"]): entry for entry in record.get("saes", ())}
    if release.identity or not entries:
        identities = [release.identity]
    else:
        identities = _one_for_each_site(release, list(entries))
    dictionaries = []
    for number, identity in enumerate(identities):
        yield Progress(number, len(identities), f"Downloading {identity}")
        entry = entries.get(identity, {})
        form = _FILES_OF_FORMS.get(record.get("conversion_func"))
        path = _fetch_release_entry(record, entry, form, hub_answers) if entry and form else None
        name = f"{release.name}/{identity}"
        if path is None:
            dictionaries.append(download_release(release.name, identity, hub_answers))
        else:
            dictionaries += [replace(one, name=name) for one in read_dictionaries(path)]
    return dictionaries


def _one_for_each_site(release: SaelensRelease, identities: list[str]) -> list[str]:
    """Return the identities of a release that has one dictionary for each layer."""
    if _are_several_for_a_layer(identities):
        raise InputError(
            f"The release '{release.name}' has {len(identities)} dictionaries, several of them for one "
            f"layer; name one, for example '{release.name}/{identities[0]}'."
        )
    return identities


def _are_several_for_a_layer(paths: Iterable[str]) -> bool:
    """Whether names differ in numbers other than that of the layer, as those of several widths do."""
    keys = []
    for path in paths:
        match = re.search(r"(?:layers?|blocks|l)[._]?(\d+)", path)
        rest = path if match is None else path[: match.start()] + path[match.end() :]
        keys.append((match and match[1], re.sub(r"\d+k?", "", rest)))
    return len(set(keys)) < len(keys)


def _fetch_release_entry(
    record: dict[str, Any],
    entry: dict[str, Any],
    form: tuple[tuple[str, ...], tuple[str, ...]],
    hub_answers: bool,
) -> Path | None:
    """Return the local folder or file of one dictionary; None where its files are not as usual."""
    repository, path = str(record["repo_id"]), str(entry["path"])
    names = [name.format(path=path) for names in form for name in names]
    with hub_access(hub_answers):
        try:
            files = [_fetch_file(repository, name, None) for name in names]
        except EntryNotFoundError:
            return None
    return _snapshot_root(files[0], names[0]) / path


def _snapshot_root(file: Path, name: str) -> Path:
    return file.parents[len(PurePosixPath(name).parts) - 1]


def _fetch_folder_steps(folder: HubFolder) -> ProgressSteps[Path]:
    """Download the dictionaries of a folder, or take it from the cache, and return where they are."""
    if constants.HF_HUB_OFFLINE:
        try:
            cached = Path(
                huggingface_hub.snapshot_download(
                    folder.repository, revision=folder.revision, local_files_only=True
                )
            )
        except (LocalEntryNotFoundError, ValueError) as error:
            raise _not_downloaded(folder.name) from error
        if not (cached / folder.path).exists():
            raise _not_downloaded(folder.name)
        return cached / folder.path
    try:
        tree = huggingface_hub.HfApi().list_repo_tree(
            folder.repository, recursive=True, revision=folder.revision
        )
        sizes = {item.path: item.size for item in tree if hasattr(item, "size")}
    except Exception as error:  # the network and the hub fail in many ways
        raise _refused(folder.name, error) from error
    names = _choose_files(folder, list(sizes))
    total_bytes, done_bytes, root = sum(sizes[name] for name in names), 0, Path()
    for name in names:
        yield Progress(done_bytes, total_bytes, f"Downloading {name} of {folder.repository}")
        root = _snapshot_root(_fetch_file(folder.repository, name, folder.revision), name)
        done_bytes += sizes[name]
    for address in _addresses_in_config(root / folder.path / "config.yaml"):
        if cached_hub_file(address) is None:
            yield Progress(done_bytes, total_bytes, f"Downloading {address}")
            other = parse_dictionary_name(address)
            assert isinstance(other, HubFolder)
            _fetch_file(other.repository, other.path, other.revision)
    return root / folder.path


def _choose_files(folder: HubFolder, names: list[str]) -> list[str]:
    """Return the files of a folder that have to be downloaded."""
    prefix = f"{folder.path}/" if folder.path else ""
    inside = [
        name
        for name in names
        if (name == folder.path or name.startswith(prefix)) and name.endswith(_SUFFIXES)
    ]
    weights = [name for name in inside if name.endswith(_WEIGHT_SUFFIXES)]
    is_set = f"{prefix}config.yaml" in names
    if is_set:
        return [name for name in inside if "/" not in name.removeprefix(prefix)]
    if not weights:
        torch_files = [name for name in names if name.endswith((".pt", ".pth", ".bin"))]
        found = f"; it has {torch_files[0]}, a torch file, which is never unpickled" if torch_files else ""
        raise InputError(
            f"'{folder.name}' on Hugging Face has no dictionaries in safetensors or npz files{found}."
        )
    folders = [PurePosixPath(name).parent.as_posix().removesuffix("/checkpoints") for name in weights]
    if _are_several_for_a_layer(folders):
        raise InputError(
            f"'{folder.name}' on Hugging Face has {len(weights)} dictionaries, several of them for one "
            f"layer; name one, for example '{folder.repository}/{folders[0]}'."
        )
    above = PurePosixPath(folder.path).parent / "config.json" if folder.path else PurePosixPath("config.json")
    return [above.as_posix()] * (above.as_posix() in names and above.as_posix() not in inside) + inside


def _addresses_in_config(config: Path) -> list[str]:
    """Return the files on Hugging Face that a set's configuration names."""
    listed = read_yaml_object(config).get("transcoders") if config.is_file() else None
    items = listed if isinstance(listed, list) else []
    paths = [item.get("filepath") if isinstance(item, dict) else item for item in items]
    return [path for path in paths if isinstance(path, str) and path.startswith(HUB_PREFIX)]


def _fetch_file(repository: str, name: str, revision: str | None) -> Path:
    """Return the local copy of a file, downloaded where it has to be.

    Raises:
        EntryNotFoundError: The repository has no such file.
    """
    try:
        return Path(huggingface_hub.hf_hub_download(repository, name, revision=revision))
    except LocalEntryNotFoundError as error:
        raise _not_downloaded(f"{repository}/{name}") from error
    except EntryNotFoundError:
        raise
    except Exception as error:  # the network and the hub fail in many ways
        raise _refused(f"{repository}/{name}", error) from error


def _not_downloaded(name: str) -> InputError:
    why = (
        "what a file names is downloaded only when a person asks for it; open it by its name"
        if is_download_forbidden()
        else "Hugging Face does not answer (no network); try again with a network"
    )
    return InputError(f"'{name}' was not downloaded before, and {why}, or give its folder.")


def _refused(name: str, error: Exception) -> InputError:
    return InputError(
        f"Hugging Face did not give '{name}' ({first_error_line(error)}); check the name, the network and "
        "whether the repository asks for a token, or download it and give its folder."
    )


def suggest_release(name: str) -> str:
    """Return a near name of SAELens' table, as a question; else an empty string."""
    return suggest_name(name.partition("/")[0], read_release_table())
