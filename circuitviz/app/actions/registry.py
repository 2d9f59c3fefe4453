"""The one table of actions: menus, toolbar, shortcuts, palette and the shortcut sheet read it.

A group of actions is one file beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

Handler = Callable[["MainWindow"], None]


@dataclass(frozen=True)
class ActionEntry:
    """One action. ``needs`` is a word of the table in ``needs.py``, or empty."""

    id: str
    text: str
    menu: str
    handler: Handler
    shortcut: str = ""
    icon: str = ""
    needs: str = ""
    toolbar: bool = False


ACTIONS: dict[str, ActionEntry] = {}


def action(
    id: str,
    text: str,
    menu: str,
    shortcut: str = "",
    icon: str = "",
    needs: str = "",
    toolbar: bool = False,
) -> Callable[[Handler], Handler]:
    """Put a function into the table."""

    def decorate(handler: Handler) -> Handler:
        ACTIONS[id] = ActionEntry(id, text, menu, handler, shortcut, icon, needs, toolbar)
        return handler

    return decorate
