"""Everything a user can do, one decorated function each; a file here is found by the registry."""

from circuitviz.commands.registry import (
    MENU_ORDER,
    Condition,
    UserCommand,
    always,
    command,
    commands,
    commands_by_menu,
)

__all__ = ["MENU_ORDER", "Condition", "UserCommand", "always", "command", "commands", "commands_by_menu"]
