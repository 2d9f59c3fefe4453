"""The dialog with the versions of circuitviz and of the libraries that numbers depend on."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from circuitviz import __version__
from circuitviz.resources import resource_path
from circuitviz.versions import package_version

VERSIONED_PACKAGES = ("torch", "transformer-lens", "transformers", "sae-lens", "numpy", "PySide6-Essentials")


def collect_versions() -> list[tuple[str, str]]:
    """What there is and which of it, circuitviz first."""
    rows = [("circuitviz", __version__), ("Python", platform.python_version())]
    rows += [(name, package_version(name)) for name in VERSIONED_PACKAGES]
    return [*rows, ("System", platform.platform(terse=True))]


class AboutDialog(QDialog):
    """Name, purpose, versions."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About circuitviz")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        mark, title = QLabel(), QLabel("circuitviz", objectName="headline")
        icon = QIcon(str(resource_path("desktop", "circuitviz.svg")))
        mark.setPixmap(icon.pixmap(48, 48))
        about = QLabel(
            "Finds circuits in transformer language models, draws them, and lets a person take them apart.",
            objectName="muted",
            wordWrap=True,
        )
        head, words = QHBoxLayout(spacing=16), QVBoxLayout(spacing=2)
        words.addWidget(title)
        words.addWidget(about)
        head.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        grid = QGridLayout(horizontalSpacing=24, verticalSpacing=4)
        for row, (name, number) in enumerate(collect_versions()):
            grid.addWidget(QLabel(name, objectName="muted"), row, 0)
            value = QLabel(number)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(value, row, 1)
        grid.setColumnStretch(1, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy versions", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self.copy_versions)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 14)
        column.setSpacing(18)
        column.addLayout(head)
        column.addLayout(grid)
        column.addWidget(buttons)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        close.setFocus()
        self.setMinimumWidth(420)

    def copy_versions(self) -> None:
        """All versions to the clipboard, a line each."""
        QGuiApplication.clipboard().setText(
            "\n".join(f"{name} {number}" for name, number in collect_versions())
        )
