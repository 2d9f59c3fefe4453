"""The one table of actions: menus, toolbar, shortcuts, palette and the shortcut sheet read it."""

from __future__ import annotations

import importlib
import pkgutil

from circuitviz.commands.registry import USER_COMMANDS, CommandHandler, UserCommand, command

MENU_ORDER = ("File", "Edit", "Select", "Groups", "Discovery", "View", "Help")

__all__ = ["USER_COMMANDS", "MENU_ORDER", "UserCommand", "CommandHandler", "command"]

# Every file here adds to the table; menus come in the order of MENUS, whatever the files are called.
for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
USER_COMMANDS.update(
    {
        entry.id: USER_COMMANDS.pop(entry.id)
        for entry in sorted(USER_COMMANDS.values(), key=lambda entry: MENU_ORDER.index(entry.menu))
    }
)
