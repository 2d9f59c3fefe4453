"""The one table of actions: menus, toolbar, shortcuts, palette and the shortcut sheet read it.

A group of actions is one file beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

CommandHandler = Callable[["MainWindow"], None]


@dataclass(frozen=True)
class UserCommand:
    """One action. ``condition`` is a word of the table in ``conditions.py``, or empty."""

    id: str
    text: str
    menu: str
    handler: CommandHandler
    shortcut: str = ""
    icon: str = ""
    condition: str = ""
    in_toolbar: bool = False


USER_COMMANDS: dict[str, UserCommand] = {}


def command(
    id: str,
    text: str,
    menu: str,
    shortcut: str = "",
    icon: str = "",
    condition: str = "",
    in_toolbar: bool = False,
) -> Callable[[CommandHandler], CommandHandler]:
    """Put a function into the table."""

    def decorate(handler: CommandHandler) -> CommandHandler:
        USER_COMMANDS[id] = UserCommand(id, text, menu, handler, shortcut, icon, condition, in_toolbar)
        return handler

    return decorate
