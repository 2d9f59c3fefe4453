"""Room that grows with the text: what is given in pixels was measured beside text of 12 pixels."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QFontInfo, QResizeEvent
from PySide6.QtWidgets import QFormLayout, QFrame, QScrollArea, QStyle, QWidget

REFERENCE_TEXT_PX = 12  # pixels of the text beside which the numbers of this package were chosen
MIN_FRAME_SIZE_PX = QSize(120, 60)  # of a frame: its dock can be made low, and then scrolls


def scale_pixels(widget: QWidget, pixels: float) -> int:
    """So many pixels, or more where the widget's text is larger than usual."""
    return round(pixels * max(1.0, QFontInfo(widget.font()).pixelSize() / REFERENCE_TEXT_PX))


def fix_scaled_width(widget: QWidget, pixels: int) -> None:
    """Hold a widget at a width, and at more when its text grows."""
    _ScaledWidth(widget, pixels)


def align_form_labels(outer: QFormLayout, inner: QFormLayout) -> None:
    """Let the fields of a form and of one that is a row of it begin at one line."""
    indent = inner.contentsMargins().left()
    labels = [(label, 0) for label in _form_labels(outer)] + [
        (label, indent) for label in _form_labels(inner)
    ]
    wide = max((by + label.sizeHint().width() for label, by in labels), default=0)
    for label, by in labels:
        label.setMinimumWidth(wide - by)


def _form_labels(form: QFormLayout) -> list[QWidget]:
    items = (form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(form.rowCount()))
    return [label for item in items if item is not None and (label := item.widget()) is not None]


class _ScaledWidth(QObject):
    """Follows the font of the widget that it belongs to."""

    def __init__(self, widget: QWidget, pixels: int) -> None:
        super().__init__(widget)
        self._widget, self._pixels = widget, pixels
        self._apply_width()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Another font asks for another width."""
        if event.type() is QEvent.Type.FontChange:
            self._apply_width()
        return False

    def _apply_width(self) -> None:
        self._widget.setFixedWidth(scale_pixels(self._widget, self._pixels))


class VerticalScrollArea(QScrollArea):
    """Scrolls up and down only; never narrower than what is in it, with room for the scroll bar."""

    def __init__(self, content: QWidget, min_width_px: int = 0) -> None:
        super().__init__(widgetResizable=True)
        self._content, self._min_width_px = content, min_width_px
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it, and are scrolled to
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        content.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """As wide as the content must be, however little of it is in sight."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self)
        wide = self._content.minimumSizeHint().width() + bar + 2 * self.frameWidth()
        return QSize(max(self._min_width_px, wide), MIN_FRAME_SIZE_PX.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The content asks for another width."""
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class DockScrollArea(QScrollArea):
    """Holds a panel whose dock shares its place with others.

    Docks behind one tab bar are all given the room that the widest and the tallest cannot do without,
    taken from the canvas; in a frame each panel has what it needs only while it is in front, and
    scrolls where there is less.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._content = _DockContent(panel)
        self.setWidget(self._content)

    def minimumSizeHint(self) -> QSize:
        """Hardly anything."""
        return MIN_FRAME_SIZE_PX

    def sizeHint(self) -> QSize:
        """What the panel likes."""
        return self._content.sizeHint()


class _DockContent(QWidget):
    """Between frame and panel: a scroll area gives what wraps its lines all the height that it likes."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        panel.setParent(self)

    def minimumSizeHint(self) -> QSize:
        """What the panel cannot do without."""
        return self._panel.minimumSizeHint().expandedTo(self._panel.minimumSize())

    def sizeHint(self) -> QSize:
        """What the panel likes."""
        return self._panel.sizeHint()

    def event(self, event: QEvent) -> bool:
        """The panel asks for other room."""
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The panel has all of it."""
        self._panel.resize(event.size())
