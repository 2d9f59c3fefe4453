"""A command is handed what its parameters are annotated with, and says why it cannot be used."""

from __future__ import annotations

from typing import Protocol

from circuitviz.commands import MENU_ORDER, UserCommand, commands_by_menu
from circuitviz.commands.registry import always
from circuitviz.workspace import Workspace


class Bell(Protocol):
    """Something that a window offers."""

    def ring(self, times: int) -> None:
        """Make a sound."""


class CountingBell:
    """Counts."""

    def __init__(self) -> None:
        self.rung = 0

    def ring(self, times: int) -> None:
        """Count."""
        self.rung += times


def ring_twice(bell: Bell, number: int) -> None:
    """Ring the bell twice as often.

    Further lines are not shown.
    """
    bell.ring(2 * number)


def test_a_function_is_given_what_it_is_annotated_with() -> None:
    entry, bell = UserCommand("ring", "Ring", "Help", ring_twice), CountingBell()
    assert entry.needs == (Bell, int)
    entry.run({Bell: bell, int: 3, str: "of no use"})
    assert bell.rung == 6


def test_the_first_line_of_the_docstring_is_the_help() -> None:
    assert UserCommand("ring", "Ring", "Help", ring_twice).help == "Ring the bell twice as often."
    assert UserCommand("ring", "Ring", "Help", lambda: None).help == "Ring"


def test_every_command_can_be_found_and_read() -> None:
    entries = commands_by_menu()
    assert len({entry.text for entry in entries}) == len(entries) > 50
    shortcuts = [entry.shortcut for entry in entries if entry.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)
    for entry in entries:
        assert entry.menu in MENU_ORDER and entry.help != entry.text and entry.help.endswith(".")
        assert entry.needs or entry.enabled is always


def test_conditions_say_why_nothing_can_be_done_without_a_circuit(qtbot: object) -> None:
    workspace = Workspace()
    reasons = {entry.name: entry.enabled(workspace) for entry in commands_by_menu()}
    assert not reasons["open"] and not reasons["run"]
    assert "circuit" in reasons["save"] and "circuit" in reasons["ablate"]
    assert all(not reason or reason.endswith(".") for reason in reasons.values())
