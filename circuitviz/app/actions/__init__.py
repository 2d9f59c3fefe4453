"""The one table of actions: menus, toolbar, shortcuts, palette and the shortcut sheet read it."""

from __future__ import annotations

import importlib
import pkgutil

from circuitviz.app.actions.registry import ACTIONS, ActionEntry, Handler, action

MENUS = ("File", "Edit", "Select", "Groups", "Discovery", "View", "Help")

__all__ = ["ACTIONS", "MENUS", "ActionEntry", "Handler", "action"]

# Every file here adds to the table; menus come in the order of MENUS, whatever the files are called.
for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
ACTIONS.update(
    {
        entry.id: ACTIONS.pop(entry.id)
        for entry in sorted(ACTIONS.values(), key=lambda entry: MENUS.index(entry.menu))
    }
)
