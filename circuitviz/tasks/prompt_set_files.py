"""What can be done with a set of own prompts as a whole: list, rename, copy, delete, bring back.

A deleted set is moved to a folder beside the sets and stays there, so that nothing a person wrote is lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from circuitviz.errors import InputError
from circuitviz.tasks.prompt_sets import (
    SET_SUFFIX,
    check_set_name,
    find_prompt_set,
    list_prompt_sets,
    prompt_sets_folder,
)


@dataclass(frozen=True)
class SavedSet:
    """A set that lies on the disk.

    Attributes:
        name: Its name; several deleted sets may have the same.
        file: Its file.
        n_pairs: The number of its pairs.
        changed: When it was last written.
        is_deleted: Whether it is no task any more, and can be brought back.
    """

    name: str
    file: Path
    n_pairs: int
    changed: datetime
    is_deleted: bool = False


def list_saved_sets() -> list[SavedSet]:
    """The sets by their names, then the deleted ones, the latest first."""
    sets = [_describe(prompt_sets_folder() / f"{name}{SET_SUFFIX}") for name in list_prompt_sets()]
    deleted = [_describe(file, True) for file in sorted(_deleted_folder().glob(f"*/*{SET_SUFFIX}"))]
    return sets + deleted[::-1]


def find_free_name(name: str, task_names: Iterable[str] = ()) -> str:
    """A name that neither a set nor a built-in task has: ``name`` itself, or with a number from 2 on."""
    taken = {*list_prompt_sets(), *task_names}
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(free for free in (name, *numbered) if free not in taken)


def rename_prompt_set(name: str, new_name: str, task_names: Iterable[str] = ()) -> str:
    """Give a set another name.

    Returns:
        The name, without spaces around it.

    Raises:
        InputError: There is no such set, there is one of the new name, or no set can have that.
    """
    file = _require_set(name)
    bare = check_set_name(new_name, task_names)
    if bare == name:
        return name
    if find_prompt_set(bare) is not None:
        raise InputError(f"There are prompts named '{bare}' already; another name would be right.")
    _move(file, file.with_name(f"{bare}{SET_SUFFIX}"), f"'{name}' cannot be renamed")
    return bare


def duplicate_prompt_set(name: str, task_names: Iterable[str] = ()) -> str:
    """Copy a set; returns the name of the copy.

    Raises:
        InputError: There is no such set, or it cannot be copied.
    """
    file, copy = _require_set(name), find_free_name(name, task_names)
    try:
        shutil.copyfile(file, file.with_name(f"{copy}{SET_SUFFIX}"))
    except OSError as error:
        raise InputError(f"'{name}' cannot be copied: {error.strerror}.") from None
    return copy


def delete_prompt_set(name: str) -> Path:
    """Delete a set; ``restore_prompt_set`` brings back the file that is returned.

    Raises:
        InputError: There is no such set, or it cannot be moved.
    """
    file = _require_set(name)
    target = _deleted_folder() / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f") / file.name
    _move(file, target, f"'{name}' cannot be deleted")
    return target


def restore_prompt_set(file: Path, task_names: Iterable[str] = ()) -> str:
    """Bring back a deleted set.

    Returns:
        Its name, which has a number where there is another set of the name by now.

    Raises:
        InputError: It cannot be moved.
    """
    name = find_free_name(file.stem, task_names)
    _move(file, prompt_sets_folder() / f"{name}{SET_SUFFIX}", f"'{file.stem}' cannot be brought back")
    return name


def _deleted_folder() -> Path:
    return prompt_sets_folder() / "deleted"


def _describe(file: Path, is_deleted: bool = False) -> SavedSet:
    changed = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    n_pairs = sum(bool(line.strip()) for line in file.read_bytes().split(b"\n"))
    return SavedSet(file.stem, file, n_pairs, changed, is_deleted)


def _require_set(name: str) -> Path:
    file = find_prompt_set(name)
    if file is None:
        raise InputError(f"There are no own prompts named '{name}' any more.")
    return file


def _move(file: Path, target: Path, problem: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    except OSError as error:
        raise InputError(f"{problem}: {error.strerror}.") from None
