"""What is remembered of the person, with and without a window, behind one interface."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from circuitviz.shell.settings import Settings
from circuitviz.workspace.user_settings import SessionSettings, UserSettings


@pytest.fixture(params=[SessionSettings, Settings])
def settings(request: pytest.FixtureRequest, tmp_path: Path, qapp: QApplication) -> UserSettings:
    """Of a session, and those that the system keeps, empty."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    QApplication.setApplicationName("circuitviz")
    QApplication.setOrganizationName("circuitviz-test")
    return request.param()


def test_each_purpose_has_its_folder_as_long_as_that_is_there(settings: UserSettings, tmp_path: Path) -> None:
    assert settings.last_folder("tasks") == ""
    for purpose in ("tasks", "models"):
        (tmp_path / purpose).mkdir()
        settings.remember_folder(tmp_path / purpose, purpose)
    assert settings.last_folder("tasks") == str(tmp_path / "tasks")
    (tmp_path / "tasks").rmdir()
    assert settings.last_folder("tasks") == "" and settings.last_folder("models") == str(tmp_path / "models")


def test_the_author_is_remembered(settings: UserSettings) -> None:
    assert settings.author == ""
    settings.author = "Ada"
    assert settings.author == "Ada"


def test_the_system_keeps_them_for_the_next_start(settings: UserSettings, tmp_path: Path) -> None:
    settings.author = "Ada"
    settings.remember_folder(tmp_path, "tasks")
    is_kept = isinstance(settings, Settings)
    next_start = type(settings)()
    assert next_start.author == ("Ada" if is_kept else "")
    assert next_start.last_folder("tasks") == (str(tmp_path) if is_kept else "")
