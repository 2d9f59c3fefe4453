"""The places below the canvas: a strip that never moves, one height, what is offered, and what is kept."""

from __future__ import annotations

import pytest
from opening import LONG
from PySide6.QtCore import QByteArray, QPoint, QRect, QSettings, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QTabBar, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import Document
from circuitviz.panels import Panel, panels
from circuitviz.panels.registry import OTHER_PLACE, PLACES
from circuitviz.shell.main_window import MainWindow
from circuitviz.shell.panel_places import PanelFrame, PlacesView

LEFT = Qt.MouseButton.LeftButton


def places_of(window: MainWindow) -> PlacesView:
    return window.dock_manager.places_view


def click_place(window: MainWindow, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(places_of(window).buttons[name], LEFT)
    QApplication.processEvents()


def place_in_window(widget: QWidget, window: MainWindow) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def offered(window: MainWindow) -> list[str]:
    return [name for name, button in places_of(window).buttons.items() if button.isVisible()]


def test_the_canvas_has_most_of_the_window_and_the_tool_bar_is_low(window: MainWindow) -> None:
    window.resize(1280, 800)
    QApplication.processEvents()
    share = window.view.width() * window.view.height() / (window.width() * window.height())
    assert share >= 0.55, f"{share:.3f} of the window"
    assert window.menus.toolbar.height() <= 40


def test_a_place_opens_and_closes_at_a_click_and_the_strip_never_moves(
    window: MainWindow, qtbot: QtBot
) -> None:
    view = places_of(window)
    strip = place_in_window(view.strip, window)
    assert view.open_place == "" and view.stack.isHidden()
    heights = set()
    for name in offered(window):
        click_place(window, qtbot, name)
        assert view.open_place == name and view.buttons[name].isChecked()
        assert place_in_window(view.strip, window) == strip
        heights.add(view.stack.height())
    assert len(heights) == 1, "one height, whatever place is in front"
    click_place(window, qtbot, name)
    assert view.open_place == "" and not view.stack.isVisible()
    assert place_in_window(view.strip, window) == strip


def test_the_height_that_the_user_drags_is_that_of_every_place_and_is_kept(open_window, qtbot: QtBot) -> None:
    window: MainWindow = shown_circuit(open_window)
    view = places_of(window)
    click_place(window, qtbot, "circuit")
    handle = view.splitter.handle(1)
    before, centre = view.stack.height(), handle.rect().center()
    qtbot.mousePress(handle, LEFT, pos=centre)
    qtbot.mouseMove(handle, pos=centre + QPoint(0, -60))
    qtbot.mouseRelease(handle, LEFT, pos=centre + QPoint(0, -60))
    dragged = view.stack.height()
    assert dragged > before + 30
    click_place(window, qtbot, "inspect")
    assert view.stack.height() == dragged
    click_place(window, qtbot, "inspect")
    click_place(window, qtbot, "notes")
    assert view.stack.height() == dragged
    window.close()
    again: MainWindow = shown_circuit(open_window)
    qtbot.waitUntil(lambda: places_of(again).open_place == "notes", timeout=LONG)
    qtbot.waitUntil(lambda: places_of(again).stack.height() == dragged, timeout=LONG)


def shown_circuit(open_window) -> MainWindow:
    import numpy as np

    from circuitviz.document import State
    from circuitviz.graph import Graph, ModelShape, Scores

    graph = Graph.transformer(ModelShape(4, 6, 96))
    scores = Scores(graph, np.random.default_rng(8).normal(size=graph.mask.shape), "eap")
    window: MainWindow = open_window()
    window.workspace.set_document(Document(State(None, scores, scores.greedy(70))))
    QApplication.processEvents()
    return window


def test_closing_gives_the_focus_back_to_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("filters")
    window.panels["filters"].max_edges_slider.setFocus()
    click_place(window, qtbot, "circuit")
    assert places_of(window).open_place == ""
    assert window.view.hasFocus()


def test_a_click_on_a_place_leaves_the_focus_on_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    window.view.setFocus()
    click_place(window, qtbot, "circuit")
    assert window.view.hasFocus()


def test_the_shortcut_opens_and_closes_the_last_place(window: MainWindow, qtbot: QtBot) -> None:
    click_place(window, qtbot, "notes")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert places_of(window).open_place == ""
    qtbot.keyClick(window.view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert places_of(window).open_place == "notes"


def test_only_what_applies_is_offered_and_the_rest_can_be_asked_for(window: MainWindow, qtbot: QtBot) -> None:
    assert offered(window) == [
        "circuit",
        "inspect",
        "evaluate",
        "notes",
    ]  # no dictionaries, no second circuit
    assert window.docks["rounds"].isHidden()
    window.workspace.panel_requested.emit("compare")
    assert places_of(window).open_place == "compare" and "compare" in offered(window)
    frame = window.docks["compare"].widget()
    assert isinstance(frame, PanelFrame)
    qtbot.waitUntil(frame.step_button.isVisible, timeout=LONG)
    window.workspace.comparison.add_open_circuit()
    assert not frame.step_line.isVisible(), "there is a second circuit now"
    actions = {action.text(): action for group in [window.menuBar()] for action in panel_actions(window)}
    actions["Training"].trigger()
    assert places_of(window).open_place == "features" and window.panels["training"].is_in_view
    actions["Training"].trigger()
    assert window.docks["training"].isHidden() and "features" not in offered(window)


def panel_actions(window: MainWindow) -> list:
    (view,) = (a.menu() for a in window.menuBar().actions() if a.text() == "View")
    (menu,) = (a.menu() for a in view.actions() if a.text() == "Panels")
    return [action for action in menu.actions() if not action.isSeparator()]


def test_every_panel_is_in_the_menu_and_in_the_palette(window: MainWindow) -> None:
    titles = {entry.extra["title"] for entry in panels.entries()}
    assert {action.text() for action in panel_actions(window)} == titles
    window.open_palette()
    rows = window.command_palette.list_widget
    texts = {rows.item(i).text() for i in range(rows.count())}
    assert {f"Show {title}" for title in titles} <= texts
    window.command_palette.close_palette()


def test_readings_say_that_the_model_is_missing_and_open_the_search_panel(
    window: MainWindow, qtbot: QtBot
) -> None:
    assert window.docks["discovery"].isHidden()
    window.dock_manager.bring_to_front("readings")
    frame = window.docks["readings"].widget()
    assert isinstance(frame, PanelFrame) and "model" in frame.step_label.text()
    qtbot.mouseClick(frame.step_button, LEFT)
    assert window.docks["discovery"].isVisible()


def test_what_comes_does_not_come_before_the_one_that_is_read(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("filters")
    window.dock_manager.bring_to_front("rounds")
    window.dock_manager.bring_to_front("filters")
    window.dock_manager.bring_to_front("readings")
    window.dock_manager.bring_to_front("ablation")
    window.docks["readings"].hide()
    window.dock_manager.update_offered_panels()
    window.dock_manager.bring_to_front("ablation")
    assert window.docks["readings"].isHidden(), "what the user hid stays hidden"
    window.workspace.comparison.add_open_circuit()
    assert window.panels["ablation"].is_in_view and "compare" in offered(window)


def test_a_panel_can_be_taken_out_and_put_back(window: MainWindow, qtbot: QtBot) -> None:
    click_place(window, qtbot, "evaluate")
    dock = window.docks["evaluation"]
    (button,) = dock.findChildren(QToolButton, "dockFloat")
    qtbot.mouseClick(button, LEFT)
    assert "evaluate" in offered(window)  # the other panel is still there
    qtbot.mouseClick(window.docks["verdicts"].findChildren(QToolButton, "dockFloat")[0], LEFT)
    assert dock.isFloating() and dock.isVisible() and window.panels["evaluation"].is_in_view
    assert "evaluate" not in offered(window) and places_of(window).open_place == ""
    window.dock_manager.bring_to_front("evaluation")
    assert dock.isFloating() and dock.isVisible()
    window.run_command("new")
    qtbot.mouseClick(button, LEFT)
    assert "evaluate" not in offered(window)
    window.run_command("next-tab")
    assert not dock.isFloating() and "evaluate" in offered(window)
    click_place(window, qtbot, "evaluate")
    assert window.panels["evaluation"].is_in_view


def test_the_search_panel_becomes_a_strip_and_stays_as_the_user_left_it(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    dock, strip = window.docks["discovery"], window.dock_manager.search_strip
    assert dock.isVisible() and not strip.isVisible()
    window.close()
    window = shown_circuit(open_window)
    dock, strip = window.docks["discovery"], window.dock_manager.search_strip
    assert not dock.isVisible() and strip.isVisible() and strip.width() <= 32
    qtbot.mouseClick(strip.button, LEFT)
    assert dock.isVisible() and not strip.isVisible()
    window.workspace.set_document(window.workspace.document)
    assert dock.isVisible()
    window.close()
    window = shown_circuit(open_window)
    dock, strip = window.docks["discovery"], window.dock_manager.search_strip
    assert dock.isVisible(), "it was open when the window closed"
    dock.close()
    assert strip.isVisible()
    window.close()
    window = shown_circuit(open_window)
    assert window.docks["discovery"].isHidden() and window.dock_manager.search_strip.isVisible()


def test_a_panel_without_a_place_and_one_with_its_own_are_offered(
    open_window, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(panels, "_entries", dict(panels._entries))
    panels.names()
    extra = {"area": "bottom", "order": 50}
    panels.register("plain", summary="", title="Plain", **extra)(Panel)
    panels.register("steer", summary="", title="Steer", place="steering", **extra)(Panel)
    window = shown_circuit(open_window)
    assert offered(window)[-2:] == [OTHER_PLACE, "steering"]
    assert [places_of(window).buttons[name].text() for name in (OTHER_PLACE, "steering")] == [
        "More",
        "Steering",
    ]
    click_place(window, qtbot, "steering")
    assert window.panels["steer"].is_in_view


def test_every_panel_that_ships_names_a_place() -> None:
    for entry in panels.entries():
        if entry.extra["area"] == "bottom":
            assert entry.extra["place"] in PLACES, entry.name


def test_the_geometry_of_an_older_version_is_restored(open_window, qtbot: QtBot) -> None:
    """There the panels below were docks of the window itself."""
    from PySide6.QtWidgets import QMainWindow

    old = QMainWindow()
    qtbot.addWidget(old)
    old.resize(1100, 720)
    old.show()
    for name in ("edges", "filters", "readings", "inspector", "discovery"):
        dock = QDockWidget(name, old)
        dock.setObjectName(name)
        old.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    old.tabifyDockWidget(old.findChild(QDockWidget, "edges"), old.findChild(QDockWidget, "filters"))
    old.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, old.findChild(QDockWidget, "inspector"))
    store = QSettings()
    store.setValue("geometry", QByteArray(old.saveGeometry()))
    store.setValue("docks", QByteArray(old.saveState()))
    window = shown_circuit(open_window)
    assert offered(window) == ["circuit", "inspect", "evaluate", "notes"]
    assert window.dockWidgetArea(window.docks["inspector"]) is Qt.DockWidgetArea.LeftDockWidgetArea
    for name in window.docks:
        window.dock_manager.bring_to_front(name)
        qtbot.waitUntil(lambda name=name: window.panels[name].is_in_view, timeout=LONG)


def test_a_place_of_several_panels_has_a_tab_for_each(window: MainWindow, qtbot: QtBot) -> None:
    click_place(window, qtbot, "circuit")
    place = places_of(window).places["circuit"]
    (bar,) = [bar for bar in place.findChildren(QTabBar) if bar.isVisible() and bar.parent() is place]
    assert [bar.tabText(i) for i in range(bar.count())] == ["Edges", "Filters", "Paths"]
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(1).center())
    qtbot.waitUntil(lambda: window.panels["filters"].is_in_view, timeout=LONG)
    assert not window.panels["edges"].is_in_view


def test_the_editor_of_prompts_opens_without_a_circuit(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    assert not places_of(window).strip.isVisible()
    window.workspace.panel_requested.emit("prompt_editor")
    qtbot.waitUntil(lambda: window.panels["prompt_editor"].is_in_view, timeout=LONG)
    assert offered(window) == ["prompts"]
    click_place(window, qtbot, "prompts")
    assert places_of(window).open_place == ""
