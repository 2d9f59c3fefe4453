"""Texts about the document that are made beside the window's thread and put on the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from circuitviz.document import Document

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


def copy_text(workspace: Workspace, make_text: Callable[[Document], str], description: str) -> None:
    """Make a text of the document as it is now, copy it, and say so.

    Args:
        workspace: Has the document.
        make_text: Makes the text; its InputError is shown.
        description: What the text is, as in "the methods paragraph".
    """

    def copy(text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        workspace.post_message(f"Copied {description}")

    work = partial(make_text, workspace.document.snapshot())
    workspace.save_service.run_latest("copy", work, copy, f"Could not copy {description}")
