"""The two pages of own prompts: the table with the pair in front, and the template."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QSplitter, QStackedWidget, QWidget

from circuitviz.panels.widgets.font_scaling import scale_pixels

DETAILS_HEIGHT_PX = 196
SIZES_SIDE_BY_SIDE = 640, 360  # of the table and the pair in front, as parts of the width
MIN_STACKED_HEIGHT_PX = 340  # below it the pair in front stands beside the table instead of below it


class EditorPages(QStackedWidget):
    """Shows one page, and gives table and pair in front their parts of the room.

    Args:
        table: The table of pairs.
        details: The pair in front.
        template_page: The template.
    """

    def __init__(self, table: QWidget, details: QWidget, template_page: QWidget) -> None:
        super().__init__()
        self._template_page = template_page
        self._details_area = QScrollArea(widgetResizable=True)
        self._details_area.setWidget(details)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        self.splitter.addWidget(table)
        self.splitter.addWidget(self._details_area)
        self.splitter.setStretchFactor(0, 1)
        self._is_split_by_user = False
        self.splitter.splitterMoved.connect(lambda *_: setattr(self, "_is_split_by_user", True))
        self.addWidget(self.splitter)
        self.addWidget(template_page)

    def show_template(self, is_template: bool) -> None:
        """Show the template in front, or the table of pairs."""
        self.setCurrentWidget(self._template_page if is_template else self.splitter)
        for page in (self.splitter, self._template_page):  # the other one does not make the panel wider
            is_current = page is self.currentWidget()
            policy = QSizePolicy.Policy.Preferred if is_current else QSizePolicy.Policy.Ignored
            page.setSizePolicy(policy, QSizePolicy.Policy.Expanding)

    def fit_height(self, panel_height_px: int) -> None:
        """Put the pair in front below the table where there is height, and beside it where there is not."""
        is_low = panel_height_px < scale_pixels(self, MIN_STACKED_HEIGHT_PX)
        orientation = Qt.Orientation.Horizontal if is_low else Qt.Orientation.Vertical
        if self.splitter.orientation() != orientation:
            self.splitter.setOrientation(orientation)
            self.splitter.setSizes(list(SIZES_SIDE_BY_SIDE))
        if not is_low and not self._is_split_by_user:
            details_px = min(scale_pixels(self, DETAILS_HEIGHT_PX), self.splitter.height() * 3 // 5)
            self.splitter.setSizes([self.splitter.height() - details_px, details_px])

    def show_details(self, is_shown: bool) -> None:
        """Show the pair in front; until there is something to show, the table has all the room."""
        if is_shown != self._details_area.isHidden():
            return
        self._details_area.setVisible(is_shown)
        is_beside = self.splitter.orientation() is Qt.Orientation.Horizontal
        if is_shown and is_beside and not self._is_split_by_user:
            self.splitter.setSizes(list(SIZES_SIDE_BY_SIDE))
