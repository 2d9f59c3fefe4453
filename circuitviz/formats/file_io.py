"""Atomic writing of files, and reading of files and JSON within bounds."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.formats.json_bounds import count_values, has_surrogates, parse_integer, replace_all_surrogates
from circuitviz.formats.temporary_files import create_temporary, remove_abandoned_files, replace_target
from circuitviz.regular_files import read_regular_file

MAX_FILE_BYTES = 512 * 2**20
MAX_JSON_BYTES = 256 * 2**20
MAX_TEXT_BYTES = 64 * 2**20
MAX_JSON_VALUES = 10_000_000  # each becomes an object; GPT-2 XL's 2.2 million edges are 6.6 million
MAX_JSON_DEPTH = 64
BATCH_SIZE = 500

T = TypeVar("T")


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary file in the target's folder, flush it to disk, and rename it to the target.

    A symbolic link stays one and its target is written. An existing file keeps its permissions, a new one
    has those of the umask. Temporary files of ended processes in the folder are removed.

    Raises:
        InputError: The disk is full or the path cannot be written.
        Cancelled: The current task was cancelled.
    """
    check_cancelled()
    try:
        target = Path(os.path.realpath(path))
        _check_target(target)
        remove_abandoned_files(target.parent)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        file = create_temporary(target.parent, is_private=mode is not None)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(file.name, mode)
            replace_target(file, target)
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise
        _flush_folder(target.parent)
    except OSError as error:
        raise InputError(_describe_error(path, error)) from error


def _flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can, so that a new name survives a power loss."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_writable(path: Path) -> None:
    """Raise InputError where a path cannot be written; to be called before a long computation."""
    path = Path(os.path.realpath(path))
    try:
        _check_target(path)
    except OSError as error:
        raise InputError(_describe_error(path, error)) from None
    if not path.parent.is_dir():
        raise InputError(_describe_error(path, OSError(errno.ENOENT, "")))
    if not os.access(path.parent, os.W_OK):
        raise InputError(_describe_error(path, OSError(errno.EACCES, "")))


def _check_target(target: Path) -> None:
    """Raise OSError where the target is a folder, a pipe, a device or a broken link."""
    if target.is_dir():
        raise OSError(errno.EISDIR, "there is a folder of that name")
    if os.path.lexists(target) and not target.is_file():
        raise OSError(errno.EINVAL, "what has that name is not a regular file")


def read_bytes(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read a whole file.

    Raises:
        InputError: It does not exist, is no regular file, cannot be read or is too large.
    """
    try:
        if path.is_dir():
            raise InputError(f"'{path}' is a folder; a file is needed.")
        size = path.stat().st_size
        if size > max_bytes:
            raise InputError(
                f"'{path.name}' has {size / 2**20:,.0f} MB; files up to {max_bytes / 2**20:,.0f} MB are read."
            )
        return read_regular_file(path, max_bytes)
    except FileNotFoundError:
        raise InputError(f"There is no file '{path}'; check the path.") from None
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}.") from error


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Read a whole text file.

    Raises:
        InputError: It cannot be read, or is not UTF-8.
    """
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{path.name}' is no UTF-8 text (byte {error.start:,} is none of it).") from None


def parse_json(
    name: str, data: bytes, max_bytes: int = MAX_JSON_BYTES, max_values: int = MAX_JSON_VALUES
) -> Any:
    """Parse JSON of bounded size; surrogates in texts are replaced, numbers need not be finite.

    Args:
        name: Name of the file, for messages.
        data: The JSON.
        max_bytes: Greatest size.
        max_values: Greatest number of values.

    Raises:
        InputError: The JSON is invalid or exceeds a bound.
    """
    if len(data) > max_bytes:
        raise InputError(
            f"'{name}' holds {len(data) / 2**20:,.0f} MB of JSON; up to {max_bytes / 2**20:,.0f} MB are read."
        )
    values, depth = count_values(data, max_values)
    if values > max_values:
        raise InputError(f"'{name}' holds more than {max_values:,} values, more than any file of ours.")
    if depth > MAX_JSON_DEPTH:
        raise InputError(f"'{name}' is nested too deeply to be a file of ours.")
    try:
        parsed = json.loads(data, object_hook=_unchanged, parse_int=parse_integer)
    except RecursionError:
        raise InputError(f"'{name}' is nested too deeply to be a file of ours.") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are such
        raise InputError(f"'{name}' is not valid JSON: {str(error).splitlines()[0]}.") from None
    return replace_all_surrogates(parsed) if has_surrogates(data) else parsed


def _unchanged(entry: dict[str, Any]) -> dict[str, Any]:
    """Return each object unchanged; the call into Python lets other threads run while the parser works."""
    return entry


def dump_json(value: Any, ensure_ascii: bool = True) -> str:
    """Equals ``json.dumps``, but encodes in pieces, so that other threads can run in between.

    >>> dump_json({"a": [1, 2], "b": {}}) == json.dumps({"a": [1, 2], "b": {}})
    True
    """
    return "".join(_json_pieces(value, json.JSONEncoder(ensure_ascii=ensure_ascii).encode, 2))


def _json_pieces(value: Any, encode: Callable[[Any], str], depth: int) -> Iterator[str]:
    """Pieces of a value's JSON: containers are split into entries down to ``depth``, then into batches."""
    if type(value) is dict and value:
        if depth > 1 and all(type(key) is str for key in value):
            for i, (key, entry) in enumerate(value.items()):
                yield f"{', ' if i else '{'}{encode(key)}: "
                yield from _json_pieces(entry, encode, depth - 1)
        else:
            for i, batch in enumerate(batched(value.items())):
                yield (", " if i else "{") + encode(dict(batch))[1:-1]
        yield "}"
    elif type(value) is list and value:
        for i, batch in enumerate(batched(value)):
            yield (", " if i else "[") + encode(batch)[1:-1]
        yield "]"
    else:
        yield encode(value)


def batched(entries: Iterable[T]) -> Iterator[list[T]]:
    """Split into lists of ``BATCH_SIZE``, so that other threads can run between calls of a library."""
    iterator = iter(entries)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch


def _describe_error(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"'{path.name}' was not saved: the disk is full. What was saved before is untouched; "
            "free some space, or save to another place."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"'{path}' was not saved: this place may not be written. Choose another folder."
    if error.errno == errno.ENOENT:
        return f"'{path}' was not saved: there is no folder '{path.parent}'."
    return f"'{path}' was not saved: {error.strerror or error}."
