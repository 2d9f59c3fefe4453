"""Files are written whole or not at all, and read within bounds."""

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
    """Write beside the target, flush to disk, then take its place: the old file stays until then.

    A link stays a link, and what it points to is written; an existing file keeps its permissions, a new one
    has those of the umask. What killed processes left of their writing in this folder is removed.
    Raises InputError in a sentence where the disk is full or the place cannot be written; Stopped where
    nobody wants the file any more.
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
    """Make the new name itself last through a loss of power, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_writable(path: Path) -> None:
    """Refuse a place that cannot be written before the work that it is for, with InputError."""
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
    """OSError where a file would take the place of a folder, a pipe, a device or a link without an end."""
    if target.is_dir():
        raise OSError(errno.EISDIR, "there is a folder of that name")
    if os.path.lexists(target) and not target.is_file():
        raise OSError(errno.EINVAL, "what has that name is not a regular file")


def read_bytes(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Read a whole file; InputError where it is not there, not a file, or too large."""
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
    """Read a whole text file as UTF-8; InputError where it is none."""
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{path.name}' is no UTF-8 text (byte {error.start:,} is none of it).") from None


def parse_json(
    name: str, data: bytes, max_bytes: int = MAX_JSON_BYTES, max_values: int = MAX_JSON_VALUES
) -> Any:
    """Parse JSON of bounded size; InputError names the file and the place.

    Texts are ``printable``, whole numbers have at most 20 digits; numbers need not be finite.
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
    """Each object as it is. Unlike the parser that calls it, Python code lets other threads have a turn."""
    return entry


def dump_json(value: Any, ensure_ascii: bool = True) -> str:
    """What ``json.dumps`` says, made in pieces: one call for all would keep Python's lock all the time.

    >>> dump_json({"a": [1, 2], "b": {}}) == json.dumps({"a": [1, 2], "b": {}})
    True
    """
    return "".join(_json_pieces(value, json.JSONEncoder(ensure_ascii=ensure_ascii).encode, 2))


def _json_pieces(value: Any, encode: Callable[[Any], str], depth: int) -> Iterator[str]:
    """Containers are opened down to ``depth``; below it, and of those, some entries are told at a time."""
    if type(value) is dict and value:
        if depth > 1 and all(type(key) is str for key in value):
            for i, (key, entry) in enumerate(value.items()):
                yield f"{', ' if i else '{'}{encode(key)}: "
                yield from _json_pieces(entry, encode, depth - 1)
        else:
            for i, some in enumerate(batched(value.items())):
                yield (", " if i else "{") + encode(dict(some))[1:-1]
        yield "}"
    elif type(value) is list and value:
        for i, some in enumerate(batched(value)):
            yield (", " if i else "[") + encode(some)[1:-1]
        yield "]"
    else:
        yield encode(value)


def batched(entries: Iterable[T]) -> Iterator[list[T]]:
    """Some hundred at a time: between two calls of a library other threads have their turn."""
    rest = iter(entries)
    while some := list(islice(rest, BATCH_SIZE)):
        yield some


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
