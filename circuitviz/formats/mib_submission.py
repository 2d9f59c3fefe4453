"""Folders of MIB's circuit localisation track: one for each task and model, with importances or circuits.

``METHOD/TASK_MODEL/`` holds one JSON file with a score for each edge, or several with the circuits of growing
size. MIB also takes ``.pt`` files; those are pickles, which are neither read nor written here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.document_files import export_document, import_document
from circuitviz.graph.names import display_name

IMPORTANCES_FILE = "importances.json"
MIB_MODEL_NAMES = {
    "gpt2": ("gpt2", "gpt2-small", "openai-community/gpt2"),
    "qwen2.5": ("Qwen/Qwen2.5-0.5B",),
    "gemma2": ("google/gemma-2-2b",),
    "llama3": ("meta-llama/Llama-3.1-8B", "meta-llama/Meta-Llama-3.1-8B"),
}  # MIB's name of a model, and names that it has on Hugging Face or in TransformerLens


@dataclass(frozen=True)
class SubmissionEntry:
    """One task and model of a submission.

    Attributes:
        task: MIB's name of the task.
        model: MIB's name of the model.
        files: One file of importances, or several of circuits.
    """

    task: str
    model: str
    files: tuple[Path, ...]

    @property
    def has_importances(self) -> bool:
        """Whether one file gives each edge a score, rather than several files a circuit each."""
        return len(self.files) == 1

    def read(self) -> list[Document]:
        """Read the files; InputError where one is no circuit of EAP-IG's and MIB's form."""
        return [import_document(file) for file in self.files]


def mib_model_name(model: str) -> str:
    """MIB's short name of a model; of another model the last part of its name.

    >>> mib_model_name("google/gemma-2-2b"), mib_model_name("org/My_Model")
    ('gemma2', 'My-Model')
    """
    for short, names in MIB_MODEL_NAMES.items():
        if model in names:
            return short
    return _folder_word(display_name(model).rpartition("/")[2])


def mib_task_name(task: str) -> str:
    """The name of a task in a folder's name, without underscores, which divide task and model."""
    return _folder_word(task)


def write_importances(folder: Path, task: str, model: str, document: Document) -> Path:
    """Write a circuit's scores as the importances of one task and model.

    Args:
        folder: The submission's folder, which is made where it is not there.
        task: Name of the task.
        model: Name of the model.
        document: A document with scores.

    Returns:
        The file.

    Raises:
        InputError: The file cannot be written.
    """
    path = folder / f"{mib_task_name(task)}_{mib_model_name(model)}" / IMPORTANCES_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder '{path.parent}' cannot be made: {error.strerror}.") from None
    export_document(document, path)
    return path


def read_submission(folder: Path) -> list[SubmissionEntry]:
    """List the tasks and models of a submission.

    Args:
        folder: A folder with folders ``TASK_MODEL``, or one of those.

    Raises:
        InputError: There is no such folder, or none of its folders holds JSON files.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder '{folder}'; name the folder of a submission.")
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    folders = inner or [folder]
    entries = [entry for path in folders if (entry := _read_entry(path)) is not None]
    if not entries:
        has_pickles = any(folder.rglob("*.pt"))
        raise InputError(
            f"'{folder}' holds no folder TASK_MODEL, such as ioi_gpt2, with JSON files of importances or "
            "circuits." + (" Its .pt files are pickles, which are not read." if has_pickles else "")
        )
    return entries


def _read_entry(folder: Path) -> SubmissionEntry | None:
    task, divider, model = folder.name.rpartition("_")
    files: Sequence[Path] = sorted(folder.glob("*.json"))
    return SubmissionEntry(task, model, tuple(files)) if divider and task and files else None


def _folder_word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", text).strip("-.") or "unnamed"
