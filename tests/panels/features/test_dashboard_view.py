"""Suggestions on the dashboard: shown as such with what they rest on, and taken as the label by a click."""

from __future__ import annotations

from dataclasses import replace

from panel_host import PanelHost
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from circuitviz.features.explanations import Explanation, LabelSuggestion
from circuitviz.panels.features.dashboard_view import DashboardView
from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard

SUGGESTIONS = (LabelSuggestion("‘war’", "token", 0.9, 10), LabelSuggestion("position 3", "position", 0.8, 10))


def test_a_suggestion_is_taken_by_a_click_and_is_no_label_before(idle_host: PanelHost, qtbot: QtBot) -> None:
    view = DashboardView(idle_host.workspace)
    qtbot.addWidget(view)
    view.resize(700, 400)
    dashboard = FeatureDashboard("m3", 12, None, (), (), (), (), (), (), (), SUGGESTIONS)
    labels: list[str] = []
    view.label_edited.connect(labels.append)
    view.show_feature(dashboard, {}, [], ())
    with qtbot.waitExposed(view):
        view.show()
    label = view.suggestions_label
    assert label.isVisible() and view.label_field.text() == "" and not labels
    assert "rule: token, 90% of 10 examples" in label.text() and "position 3" in label.text()
    beside = label.fontMetrics().horizontalAdvance("Suggested: ‘w")
    qtbot.mouseClick(label, Qt.MouseButton.LeftButton, pos=QPoint(beside, label.fontMetrics().height() // 2))
    assert labels == ["‘war’"]

    view.show_feature(dashboard, {}, [Explanation("m3", 12, "‘war’", "you")], ())
    assert view.label_field.text() == "‘war’" and not label.isVisible()
    view.show_feature(replace(dashboard, suggestions=()), {}, [], ())
    assert not label.isVisible()
