"""The verdict card: what the document holds, the button that measures the rest, and the exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from rich_documents import RESULTS

from circuitviz.cli import run
from circuitviz.document.verdict_card import HOLDS, NOT_MEASURED, verdict_card
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.verdicts import panel as verdict_panel
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.open_document_model import OpenDocumentModel


def _state(panel: Any, title: str) -> str:
    row = next(row for row in panel.rows if row.title_label.text() == title)
    return str(row.state_label.text())


def _store_all_but(host: PanelHost, *names: str) -> None:
    document = host.workspace.document
    for name in verdict_card(document).missing_measures:
        if name not in names:
            key = document.state.measurement_key
            document.store_measure(name, {"key": key, "options": {}, "done": True, "result": RESULTS[name]})


@pytest.mark.long
def test_what_is_missing_is_measured_and_kept_where_it_is_cancelled(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _store_all_but(demo_host, "random", "minimality")
    panel = demo_host.show("verdicts")
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    assert _state(panel, "Better than random") == "– not measured"
    assert set(panel.card.missing_measures) == {"random", "minimality"}
    qtbot.waitUntil(lambda: panel.estimate.text().startswith("Estimate: about "), timeout=LONG)

    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: demo_host.has_measure("random"), timeout=LONG)  # the first of two
    qtbot.waitUntil(panel.cancel_button.isEnabled)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.cancel_button.isEnabled(), timeout=LONG)
    assert _state(panel, "Better than random") == "✓ holds"
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.card.missing_measures, timeout=LONG)
    assert not panel.run_button.isEnabled() and not panel.estimate.isVisible()
    assert all(verdict.state != NOT_MEASURED for verdict in panel.card.verdicts)

    # the command line prints the same card without measuring anything again
    path = tmp_path / "judged.circuit"
    demo_host.save(path)
    capsys.readouterr()
    assert run(["evaluate", str(path), "--card", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["card"]
    assert printed == json.loads(json.dumps(panel.card.as_dict()))
    assert run(["evaluate", str(path), "--card", "--ablation", "zero"]) == 2
    assert "--ablation zero" in capsys.readouterr().err


def test_the_card_is_shown_copied_and_exported(
    host: PanelHost, demo_file: Path, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = host.show("verdicts")
    assert not panel.rows and panel.summary_label.text() == "No circuit is open."
    host.open_document(demo_file)
    _store_all_but(host)
    host.workspace.measure_stored.emit("stability")
    assert len(panel.rows) == 9 and _state(panel, "Stable over prompts") == "✓ holds"
    row = next(row for row in panel.rows if row.title_label.text() == "Stable over prompts")
    assert row.number_label.text() == "IoU 0.50" and "resamples" in row.sentence_label.text()
    assert not panel.run_button.isEnabled()  # no model is open

    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == panel.card.text
    for suffix in ("txt", "json"):
        path = tmp_path / f"card.{suffix}"
        monkeypatch.setattr(verdict_panel, "ask_save_file", lambda *_given, path=path: path)
        qtbot.mouseClick(panel.export_button, Qt.MouseButton.LeftButton)
    assert (tmp_path / "card.txt").read_text() == f"{panel.card.text}\n"
    assert json.loads((tmp_path / "card.json").read_text()) == json.loads(json.dumps(panel.card.as_dict()))

    host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    host.run_command("ablate")
    assert _state(panel, "Stable over prompts") == "– not measured"
    assert HOLDS not in {verdict.state for verdict in panel.card.verdicts if verdict.measure != "task"}


def test_circuits_of_one_prompt_have_measures_of_their_own(host: PanelHost, prompt_file: Path) -> None:
    panel = host.panel("verdicts")
    assert panel.is_applicable()
    host.open_document(prompt_file)
    assert not panel.is_applicable()


def test_a_model_that_is_being_opened_is_said_to_be_and_is_offered_again_once_that_failed(
    idle_host: PanelHost, demo_file: Path
) -> None:
    changes: list[bool] = []
    prompts = idle_host.workspace.prompt_circuits
    prompts.opening_changed.connect(lambda: changes.append(prompts.is_opening))
    idle_host.open_document(demo_file)
    (handle,) = idle_host.submitted(OpenDocumentModel)
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "being opened" in step.text and not step.button_text
    handle.fail(JobFailed("Could not open the model", "the disk is gone"))
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "not open" in step.text and step.button_text == "Open the model"
    step.run()
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "being opened" in step.text
    assert changes == [True, False, True]
