"""The help pages that ship, shown in a window of their own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from circuitviz.resources import resource_path

PATH_ROLE = Qt.ItemDataRole.UserRole
LIST_WIDTH_PX = 190


def help_pages() -> dict[str, Path]:
    """The Markdown files of the help, by their stems, the index first."""
    folder = resource_path("help")
    paths = sorted(folder.glob("*.md"), key=lambda path: (path.stem != "index", path.stem))
    return {path.stem: path for path in paths}


def page_title(path: Path) -> str:
    """The first heading of a page; its file's name where it has none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line.removeprefix("# ").strip()
    return path.stem.replace("-", " ").capitalize()


def heading_anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it.

    >>> heading_anchor("Choosing edges")
    'choosing-edges'
    """
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


class HelpViewer(QDialog):
    """Pages at the left, the chosen one at the right; links between pages work, others open in a browser."""

    def __init__(self, parent: QWidget, page: str = "", anchor: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.page_list = QListWidget(accessibleName="Help pages")
        self.page_list.setFixedWidth(LIST_WIDTH_PX)
        self.browser = QTextBrowser(openLinks=False, accessibleName="Help page")
        for stem, path in help_pages().items():
            item = QListWidgetItem(page_title(path), self.page_list)
            item.setData(PATH_ROLE, stem)
        self.page_list.currentItemChanged.connect(self._on_page_chosen)
        self.browser.anchorClicked.connect(self._open_link)
        self._wanted_top_px: int | None = None  # of the heading that was asked for, until somebody scrolls
        bar = self.browser.verticalScrollBar()
        bar.rangeChanged.connect(lambda *_range: self._scroll_to_wanted())
        bar.actionTriggered.connect(lambda _action: setattr(self, "_wanted_top_px", None))
        row = QHBoxLayout(self)
        row.addWidget(self.page_list)
        column = QVBoxLayout()
        column.addWidget(self.browser)
        row.addLayout(column, 1)
        self.resize(980, 700)
        self.show_page(page)
        QTimer.singleShot(0, self, lambda: self._scroll_to_heading(anchor))  # once it is laid out

    def show_page(self, page: str, anchor: str = "") -> None:
        """Show a page by its stem, or the first one."""
        items = [self.page_list.item(row) for row in range(self.page_list.count())]
        chosen = next((item for item in items if item.data(PATH_ROLE) == page), items[0] if items else None)
        if chosen is not None:
            self.page_list.setCurrentItem(chosen)
        self._scroll_to_heading(anchor)

    def _scroll_to_heading(self, anchor: str) -> None:
        """Bring the heading that an anchor names to the top; Qt makes no anchors of Markdown's headings."""
        block = self.browser.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and heading_anchor(block.text()) == anchor:
                top = self.browser.document().documentLayout().blockBoundingRect(block).top()
                self._wanted_top_px = round(top)
                self._scroll_to_wanted()
                return
            block = block.next()

    def _scroll_to_wanted(self) -> None:
        """Scroll to the heading, again where the page has become longer since."""
        if self._wanted_top_px is not None:
            self.browser.verticalScrollBar().setValue(self._wanted_top_px)

    def _on_page_chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            path = help_pages()[item.data(PATH_ROLE)]
            self.browser.document().setBaseUrl(QUrl.fromLocalFile(str(path)))
            self.browser.setMarkdown(path.read_text(encoding="utf-8"))

    def _open_link(self, url: QUrl) -> None:
        stem = Path(url.path()).stem
        if url.isRelative() and stem in help_pages():
            self.show_page(stem, url.fragment())
        elif url.isRelative() and not url.path():
            self._scroll_to_heading(url.fragment())
        else:
            QDesktopServices.openUrl(url)
