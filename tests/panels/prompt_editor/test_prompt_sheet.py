"""Every change of the sheet is one step of undo, whatever the order of changes."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from circuitviz.panels.prompt_editor.prompt_sheet import PromptSheet, SheetState
from circuitviz.tasks.prompt_sets import PromptRow

Change = Callable[[PromptSheet], object]
numbers = st.integers(0, 5)
text = st.text("ab |", max_size=3)
changes = st.one_of(
    st.builds(lambda r, c, t: lambda s: s.set_cell(r, c, t), numbers, st.integers(0, 3), text),
    st.builds(lambda r: lambda s: s.insert_row(min(r, len(s.rows))), numbers),
    st.builds(lambda rows: lambda s: s.remove_rows(rows), st.sets(numbers)),
    st.builds(lambda rows: lambda s: s.duplicate_rows(rows), st.sets(numbers)),
    st.builds(lambda rows, by: lambda s: s.move_rows(rows, by), st.sets(numbers), st.sampled_from([-1, 1])),
    st.builds(lambda r, c, t: lambda s: s.paste_cells(r, c, [[t, t], [t]]), numbers, st.integers(0, 3), text),
    st.builds(lambda r, c: lambda s: s.clear_cells([(r, c)]), numbers, st.integers(0, 3)),
    st.builds(lambda t: lambda s: s.set_name(t), text),
)


@given(steps=st.lists(changes, max_size=12))
def test_undo_and_redo_go_through_every_state(qapp: QApplication, steps: list[Change]) -> None:
    sheet = PromptSheet()
    states = [sheet.state]
    for step in steps:
        step(sheet)
        if sheet.state != states[-1]:
            states.append(sheet.state)
    for state in reversed(states):
        assert sheet.state == state
        sheet.undo()
    for state in states[1:]:
        sheet.redo()
        assert sheet.state == state
    assert not sheet.undo_stack.canRedo()


def test_rows_are_moved_together_or_not_at_all(qapp: QApplication) -> None:
    sheet = PromptSheet()
    sheet.show_state(SheetState("x", tuple(PromptRow(t) for t in "abcd")))
    assert sheet.move_rows([1, 2], 1) and [r.clean for r in sheet.rows] == list("adbc")
    assert not sheet.move_rows([2, 3], 1) and [r.clean for r in sheet.rows] == list("adbc")
    assert sheet.move_rows([2, 3], -1) and [r.clean for r in sheet.rows] == list("abcd")


@given(row=numbers, column=st.integers(0, 3), cells=st.lists(st.lists(text, max_size=5), max_size=4))
def test_pasted_cells_are_those_that_would_be_typed(
    qapp: QApplication, row: int, column: int, cells: list[list[str]]
) -> None:
    typed, pasted = PromptSheet(), PromptSheet()
    for sheet in (typed, pasted):
        sheet.show_state(SheetState("x", (PromptRow("a", "b", " c", " d"), PromptRow("e"))))
    for i, line in enumerate(cells):
        for j, content in enumerate(line[: 4 - column]):
            typed.set_cell(row + i, column + j, content)
    pasted.paste_cells(row, column, cells)
    assert pasted.rows == typed.rows


def test_the_text_that_is_typed_is_seen_before_it_is_taken_over(qapp: QApplication) -> None:
    sheet = PromptSheet()
    sheet.set_cell(0, 0, "a")
    sheet.set_typed_cell(1, 2, " b")
    assert sheet.rows == (PromptRow("a"),)
    assert sheet.live_rows == (PromptRow("a"), PromptRow("", "", " b"))
    assert sheet.live_state.rows == sheet.live_rows
    sheet.clear_typed_cell()
    assert sheet.live_rows == sheet.rows
