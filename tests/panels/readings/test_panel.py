"""The Readings panel: its pages, their prompt, and the command that prints what they show."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pytest
from panel_host import PanelHost, read_table
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.cli import run
from circuitviz.cli.output import escape_invisible


def test_the_copied_command_prints_the_exported_numbers(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo_host.save(tmp_path / "a.circuit")
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.workspace.set_prompt_index(1)
    panel = demo_host.show("readings")
    for name in [n for n in panel.pages_by_name if n != "feature-heads"]:  # test_feature_heads_page
        page = demo_host.read_page(name)
        if name == "attention":
            page.weighted_box.setChecked(True)
        qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
        command = shlex.split(QGuiApplication.clipboard().text())
        assert command[:3] == ["circuitviz", "inspect", str(tmp_path / "a.circuit")]
        assert run(command[1:]) == 0
        printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        shown = read_table(next(iter(page.exportable_plots().values())), tmp_path / f"{name}.csv")
        if name == "patching":  # the window shows some nodes, in the canvas's order
            nodes = {row["node"] for row in shown}
            printed = [row for row in printed if row["node"] in nodes]
            shown.sort(key=lambda row: (row["node"], row["position"]))
            printed.sort(key=lambda row: (row["node"], row["position"]))
        assert len(shown) == len(printed) > 20, name
        for one, other in zip(shown, printed, strict=True):
            exported = [
                _rounded(escape_invisible(v)) for v in one.values()
            ]  # a terminal gets no control characters
            assert exported == [_rounded(v) for v in other.values()], name


def _rounded(text: str) -> object:
    try:
        return pytest.approx(float(text), abs=1e-5)
    except ValueError:
        return text
