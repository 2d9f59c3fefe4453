"""A task file of which some rows cannot be used, for the command line's tests and the window's."""

from __future__ import annotations

import json
from pathlib import Path

USABLE_ROW = {
    "clean": "So Mary said that",
    "corrupted": "So John said that",
    "correct": [" she"],
    "incorrect": [" he"],
}


def write_partly_usable_task(folder: Path) -> Path:
    """Write three pairs that can be used, one whose prompts differ in length, one with a long answer."""
    path = folder / "odd<b>.jsonl"
    other_length, long_answer = {**USABLE_ROW, "corrupted": "So"}, {**USABLE_ROW, "correct": [" she and he"]}
    rows = [USABLE_ROW, other_length, USABLE_ROW, long_answer, USABLE_ROW]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
