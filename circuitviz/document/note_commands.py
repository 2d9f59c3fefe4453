"""The command that changes a circuit's notes."""

from __future__ import annotations

from dataclasses import replace

from circuitviz.document.circuit_commands import Command


def set_notes(text: str, session: int = 0) -> Command:
    """Replace the notes; changes of one session of writing are undone as one step.

    Args:
        text: The whole text, plain or Markdown.
        session: Number of the session: of the time between entering the editor and leaving it.
    """
    return Command("Edit the notes", lambda state: replace(state, notes=text), f"notes {session}")
