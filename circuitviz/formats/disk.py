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

from circuitviz.errors import InputError
from circuitviz.formats.json_bounds import all_printable, count_values, holds_surrogates, whole_number
from circuitviz.formats.temporaries import create_temporary, remove_abandoned, take_place
from circuitviz.regular_files import read_regular
from circuitviz.stopping import pause

LARGEST = 512 * 2**20
LARGEST_JSON = 256 * 2**20
LARGEST_TEXT = 64 * 2**20
MOST_VALUES = 10_000_000  # each becomes an object; GPT-2 XL's 2.2 million edges are 6.6 million
DEEPEST = 64
BATCH = 500

T = TypeVar("T")


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the target, flush to disk, then take its place: the old file stays until then.

    A link stays a link, and what it points to is written; an existing file keeps its permissions, a new one
    has those of the umask. What killed processes left of their writing in this folder is removed.
    Raises InputError in a sentence where the disk is full or the place cannot be written; Stopped where
    nobody wants the file any more.
    """
    pause()
    try:
        target = Path(os.path.realpath(path))
        _check_target(target)
        remove_abandoned(target.parent)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        file = create_temporary(target.parent, private=mode is not None)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(file.name, mode)
            take_place(file, target)
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise
        _flush_folder(target.parent)
    except OSError as error:
        raise InputError(_reason(path, error)) from error


def _flush_folder(folder: Path) -> None:
    """Make the new name itself last through a loss of power, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_place(path: Path) -> None:
    """Refuse a place that cannot be written before the work that it is for, with InputError."""
    path = Path(os.path.realpath(path))
    try:
        _check_target(path)
    except OSError as error:
        raise InputError(_reason(path, error)) from None
    if not path.parent.is_dir():
        raise InputError(_reason(path, OSError(errno.ENOENT, "")))
    if not os.access(path.parent, os.W_OK):
        raise InputError(_reason(path, OSError(errno.EACCES, "")))


def _check_target(target: Path) -> None:
    """OSError where a file would take the place of a folder, a pipe, a device or a link without an end."""
    if target.is_dir():
        raise OSError(errno.EISDIR, "there is a folder of that name")
    if os.path.lexists(target) and not target.is_file():
        raise OSError(errno.EINVAL, "what has that name is not a regular file")


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """Read a whole file; InputError where it is not there, not a file, or too large."""
    try:
        if path.is_dir():
            raise InputError(f"'{path}' is a folder; a file is needed.")
        size = path.stat().st_size
        if size > largest:
            raise InputError(
                f"'{path.name}' has {size / 2**20:,.0f} MB; files up to {largest / 2**20:,.0f} MB are read."
            )
        return read_regular(path, largest)
    except FileNotFoundError:
        raise InputError(f"There is no file '{path}'; check the path.") from None
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}.") from error


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """Read a whole text file as UTF-8; InputError where it is none."""
    try:
        return read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{path.name}' is no UTF-8 text (byte {error.start:,} is none of it).") from None


def parse_json(name: str, data: bytes, largest: int = LARGEST_JSON, most: int = MOST_VALUES) -> Any:
    """Parse JSON of at most ``largest`` bytes and ``most`` values; InputError names the file and the place.

    Texts are ``printable``, whole numbers have at most 20 digits; numbers need not be finite.
    """
    if len(data) > largest:
        raise InputError(
            f"'{name}' holds {len(data) / 2**20:,.0f} MB of JSON; up to {largest / 2**20:,.0f} MB are read."
        )
    values, depth = count_values(data, most)
    if values > most:
        raise InputError(f"'{name}' holds more than {most:,} values, more than any file of ours.")
    if depth > DEEPEST:
        raise InputError(f"'{name}' is nested too deeply to be a file of ours.")
    try:
        parsed = json.loads(data, object_hook=_itself, parse_int=whole_number)
    except RecursionError:
        raise InputError(f"'{name}' is nested too deeply to be a file of ours.") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are such
        raise InputError(f"'{name}' is not valid JSON: {str(error).splitlines()[0]}.") from None
    return all_printable(parsed) if holds_surrogates(data) else parsed


def _itself(entry: dict[str, Any]) -> dict[str, Any]:
    """Each object as it is. Unlike the parser that calls it, Python code lets other threads have a turn."""
    return entry


def json_text(value: Any, ensure_ascii: bool = True) -> str:
    """What ``json.dumps`` says, made in pieces: one call for all would keep Python's lock all the time.

    >>> json_text({"a": [1, 2], "b": {}}) == json.dumps({"a": [1, 2], "b": {}})
    True
    """
    return "".join(_pieces(value, json.JSONEncoder(ensure_ascii=ensure_ascii).encode, 2))


def _pieces(value: Any, encode: Callable[[Any], str], depth: int) -> Iterator[str]:
    """Containers are opened down to ``depth``; below it, and of those, some entries are told at a time."""
    if type(value) is dict and value:
        if depth > 1 and all(type(key) is str for key in value):
            for i, (key, entry) in enumerate(value.items()):
                yield f"{', ' if i else '{'}{encode(key)}: "
                yield from _pieces(entry, encode, depth - 1)
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
    while some := list(islice(rest, BATCH)):
        yield some


def _reason(path: Path, error: OSError) -> str:
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
