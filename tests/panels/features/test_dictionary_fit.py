"""What the Features panel says of how well each dictionary fits."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

import circuitviz.workbench.requests.feature_dashboards as features_job
from circuitviz.features import load_dictionary, run_prompt, write_saelens_folder
from circuitviz.features.dictionary_fit import SAMPLE_TEXTS
from circuitviz.models import load_model
from circuitviz.resources import resource_path

pytestmark = pytest.mark.usefixtures("little_text")


def test_how_each_dictionary_fits_is_said_where_it_is_chosen(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share is measured here anew: what is not reconstructed of what layer 0's MLP writes, over its variance."""
    monkeypatch.setattr(features_job, "N_DEMO_PASSAGES", 20)
    panel = demo_host.show_features()
    shipped = Path(str(resource_path("demo", "dictionaries")))
    panel.site_box.setCurrentText("m0")
    model, one = load_model("demo"), load_dictionary(shipped / "m0")
    runs = [run_prompt(model, text) for text in SAMPLE_TEXTS]
    should = torch.cat([run.dictionary_target(one)[1:] for run in runs])
    made = torch.cat([one.reconstruct(run.dictionary_input(one)[1:]) for run in runs])
    share = float((should - made).square().sum() / (should - should.mean(0)).square().sum())
    assert panel.fit_label.isVisible() and panel.fit_label.textFormat() == Qt.TextFormat.PlainText
    fit = panel.fit_label.text()
    assert "m0" in fit and f"{share:.1%} of the variance unexplained" in fit
    assert panel.fit_label.objectName() == "muted" and "warning" not in panel.dictionaries_label.text()

    # one of a2 whose encoder reads noise, under a name with markup, beside one that fits
    good = load_dictionary(shipped / "a2")
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(good.encoder.shape, generator=draw)
    write_saelens_folder(replace(good, name="<b>odd</b>", encoder=noise), tmp_path / "both" / "<b>odd<|b>")
    shutil.copytree(shipped / "m0", tmp_path / "both" / "m0")
    panel.replace_dictionaries(tmp_path / "both")
    qtbot.waitUntil(
        lambda: (
            "2 dictionaries" in panel.dictionaries_label.text()
            and bool(panel.dictionary_overview.misfit_warnings)
        ),
        timeout=LONG,
    )
    assert panel.dictionaries_label.text().endswith("poor fit at a2")
    panel.site_box.setCurrentText("a2")
    said = panel.dictionary_overview.misfit_warnings["a2"]
    assert panel.fit_label.text() == said and "<b>odd" in said and "of the variance at a2 unexplained" in said
    assert panel.fit_label.objectName() == "warning"
    panel.site_box.setCurrentText("m0")
    assert (
        panel.fit_label.text().startswith("The dictionary of m0 leaves")
        and panel.fit_label.objectName() == "muted"
    )
