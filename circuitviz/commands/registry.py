"""A user command is one decorated function that is handed the objects it acts on.

The function's parameters are annotated with what it needs: the ``Workspace``, the ``CircuitView``, a panel's
class, or one of the protocols in ``services``. Menus, toolbar, shortcuts, the command palette and the
sheet of shortcuts are all made from this registry. Other packages add commands through the entry point group
``circuitviz.commands``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from circuitviz.registry import Registry
from circuitviz.workspace import Workspace

MENU_ORDER = ("File", "Edit", "Select", "Groups", "Discovery", "View", "Help")
GROUP_ORDER: dict[str, tuple[str, ...]] = {
    "File": ("start", "open", "save", "export", "quit"),
    "Edit": ("change", "labels", "find", "copy", "settings"),
    "Select": ("all", "grow", "flow"),
    "Groups": ("group", "fold"),
    "Discovery": ("search", "prompts", "measure", "features"),
    "View": ("canvas", "filters", "layout", "names", "readings", "theme", "window"),
    "Help": ("find", "about"),
}
"""Groups of a menu's commands, between which separators are. A command of no group, or of another one, stands
before the last group."""
GROUP_SUBMENUS = {"layout": "Layout", "names": "Node names", "readings": "Readings"}
"""Groups that are menus of their own, and their titles: one menu would be taller than many screens."""
Condition = Callable[[Workspace], str]
"""Why a command cannot be used now, in a sentence; empty where it can."""


def always(_workspace: Workspace) -> str:
    """The condition of a command that can be used at any time."""
    return ""


@dataclass(frozen=True)
class UserCommand:
    """One entry of the menus.

    Attributes:
        name: Its registered name, which settings and tests use.
        text: What the menu says; with … where a dialog follows.
        menu: One of ``MENU_ORDER``.
        function: What it does.
        shortcut: Keys, as ``QKeySequence`` reads them.
        more_shortcuts: Other keys that do the same.
        icon: The name of an icon, or empty.
        enabled: Says why it cannot be used.
        in_toolbar: Whether the toolbar has it, too.
        group: The part of the menu that it is in, as in ``GROUP_ORDER``.
    """

    name: str
    text: str
    menu: str
    function: Callable[..., object]
    shortcut: str = ""
    icon: str = ""
    enabled: Condition = always
    in_toolbar: bool = False
    group: str = ""
    more_shortcuts: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or self.text).split("\n", 1)[0]

    @cached_property
    def needs(self) -> tuple[type, ...]:
        """The classes and protocols that the function is handed, in the order of its parameters."""
        hints = get_type_hints(self.function)
        return tuple(hints[name] for name in inspect.signature(self.function).parameters)

    def run(self, services: Mapping[type, Any]) -> None:
        """Call the function.

        Args:
            services: An object for each class or protocol that a command may need.
        """
        self.function(*(services[need] for need in self.needs))


commands: Registry[UserCommand] = Registry("command", "circuitviz.commands", "circuitviz.commands")


def command(
    name: str,
    *,
    text: str,
    menu: str,
    shortcut: str = "",
    icon: str = "",
    enabled: Condition = always,
    in_toolbar: bool = False,
    group: str = "",
    more_shortcuts: tuple[str, ...] = (),
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Register a function as a user command; the arguments are those of ``UserCommand``."""

    def decorate(function: Callable[..., object]) -> Callable[..., object]:
        entry = UserCommand(
            name, text, menu, function, shortcut, icon, enabled, in_toolbar, group, more_shortcuts
        )
        commands.register(name, summary=entry.help)(entry)
        return function

    return decorate


def commands_by_menu() -> list[UserCommand]:
    """All commands: menus and their groups in their order, and in each group the order of registration."""
    known = [entry.value for entry in commands.entries()]
    order = {menu: place for place, menu in enumerate(MENU_ORDER)}
    return sorted(known, key=lambda entry: (order.get(entry.menu, len(order)), group_rank(entry)))


def group_rank(entry: UserCommand) -> float:
    """Where the group of a command is in its menu; commands with a separator between them differ in it."""
    groups = GROUP_ORDER.get(entry.menu, ())
    return groups.index(entry.group) if entry.group in groups else len(groups) - 1.5
