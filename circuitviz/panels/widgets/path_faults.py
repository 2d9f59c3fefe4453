"""What is wrong with a path that was typed or chosen, in a sentence, before anything is started with it."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from circuitviz.errors import suggest_name


def text_file_fault(text: str) -> str:
    """Why a text cannot be the path of a file to read; empty where it can, or where nothing is typed."""
    if not text:
        return ""
    path = Path(text).expanduser()
    if path.is_dir():
        return f"'{path.name}' is a folder; a text file would be right."
    if not path.is_file():
        return f"There is no file '{text}'."
    if not os.access(path, os.R_OK):
        return f"'{path.name}' cannot be read: its permissions do not allow it."
    return "" if path.stat().st_size else f"'{path.name}' is empty."


def new_folder_fault(text: str) -> str:
    """Why a text cannot be the path of a folder to write to, which is made where it is not there."""
    if not text:
        return "Name a folder to write to."
    path = Path(text).expanduser()
    if path.is_file():
        return f"'{path.name}' is a file; a folder would be right."
    above = next((folder for folder in (path, *path.parents) if folder.exists()), None)
    is_writable = above is not None and os.access(above, os.W_OK)
    return "" if is_writable else f"'{text}' cannot be written to: the permissions do not allow it."


def model_fault(text: str) -> str:
    """Why a text cannot name a model; what looks like a Hugging Face name is not looked up."""
    path = Path(text).expanduser()
    if path.is_dir():
        return (
            ""
            if (path / "config.json").is_file()
            else f"'{path.name}' holds no model: it has no config.json."
        )
    if path.is_file():
        return f"'{path.name}' is a file; the model's folder would be right."
    looks_like_path = text.startswith((".", "~", os.sep)) or text.count("/") > 1
    return f"There is no folder '{text}'." if looks_like_path else ""


def task_fault(text: str, names: Collection[str]) -> str:
    """Why a text names no task: neither one of the names, nor a file that is there."""
    if text in names:
        return ""
    if os.sep in text or Path(text).suffix.lower() in (".csv", ".json", ".jsonl", ".toml"):
        return text_file_fault(text)
    return f"There is no task '{text}'.{suggest_name(text, names)}" if not Path(text).is_file() else ""
