"""Sizes in pixels that grow with the font, and scroll areas that ask for the right size."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QFontInfo, QResizeEvent
from PySide6.QtWidgets import QFormLayout, QFrame, QScrollArea, QStyle, QWidget

REFERENCE_TEXT_PX = 12  # pixels of the text beside which the numbers of this package were chosen
MIN_FRAME_SIZE_PX = QSize(120, 60)  # of a frame: its dock can be made low, and then scrolls


def scale_pixels(widget: QWidget, pixels: float) -> int:
    """Scale a size that was chosen for text of ``REFERENCE_TEXT_PX`` pixels to the widget's font."""
    return round(pixels * max(1.0, QFontInfo(widget.font()).pixelSize() / REFERENCE_TEXT_PX))


def fix_scaled_width(widget: QWidget, pixels: int) -> None:
    """Fix the width of a widget, scaled with its font."""
    _ScaledWidth(widget, pixels)


def align_form_labels(outer: QFormLayout, inner: QFormLayout) -> None:
    """Align the fields of a form with those of another form that is one of its rows."""
    indent = inner.contentsMargins().left()
    labels = [(label, 0) for label in _form_labels(outer)] + [
        (label, indent) for label in _form_labels(inner)
    ]
    width_px = max((indent_px + label.sizeHint().width() for label, indent_px in labels), default=0)
    for label, indent_px in labels:
        label.setMinimumWidth(width_px - indent_px)


def _form_labels(form: QFormLayout) -> list[QWidget]:
    items = (form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(form.rowCount()))
    return [label for item in items if item is not None and (label := item.widget()) is not None]


class _ScaledWidth(QObject):
    """Rescales the width of a widget when its font changes."""

    def __init__(self, widget: QWidget, pixels: int) -> None:
        super().__init__(widget)
        self._widget, self._pixels = widget, pixels
        self._apply_width()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Rescale when the font changes."""
        if event.type() is QEvent.Type.FontChange:
            self._apply_width()
        return False

    def _apply_width(self) -> None:
        self._widget.setFixedWidth(scale_pixels(self._widget, self._pixels))


class VerticalScrollArea(QScrollArea):
    """Scrolls vertically only; never narrower than its content and the scroll bar."""

    def __init__(self, content: QWidget, min_width_px: int = 0) -> None:
        super().__init__(widgetResizable=True)
        self._content, self._min_width_px = content, min_width_px
        self._laid_out: tuple[QSize, int] | None = None  # size of the content, and the height it needed
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields have it, and are scrolled to
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        content.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """The minimum width of the content, and little height."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self)
        width_px = self._content.minimumSizeHint().width() + bar + 2 * self.frameWidth()
        return QSize(max(self._min_width_px, width_px), MIN_FRAME_SIZE_PX.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Update when the content asks for another width."""
        is_handled = super().eventFilter(watched, event)
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._wrap_labels_again()
        return is_handled

    def _wrap_labels_again(self) -> None:
        """Give labels of forms the height that they need.

        A scroll area asks for the height at the widths with and without its bar, and a form goes on with the
        last answer, whichever width it is given.
        """
        layout = self._content.layout()
        if layout is not None:
            parts = (layout, *self._content.findChildren(QFormLayout))
            for part in parts:
                part.invalidate()
            layout.activate()
            size = self._content.size()
            laid_out = size, layout.heightForWidth(size.width())
            if laid_out == self._laid_out:  # what was invalidated asks for a layout again, without end
                for widget in filter(None, (part.parentWidget() for part in parts)):
                    QCoreApplication.removePostedEvents(widget, QEvent.Type.LayoutRequest.value)
            self._laid_out = laid_out


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
        """Small: the panel scrolls."""
        return MIN_FRAME_SIZE_PX

    def sizeHint(self) -> QSize:
        """The panel's size hint."""
        return self._content.sizeHint()


class _DockContent(QWidget):
    """Between scroll area and panel: a scroll area gives wrapping labels all the height they ask for."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self._panel = panel
        panel.setParent(self)

    def minimumSizeHint(self) -> QSize:
        """The panel's minimum size."""
        return self._panel.minimumSizeHint().expandedTo(self._panel.minimumSize())

    def sizeHint(self) -> QSize:
        """The panel's size hint."""
        return self._panel.sizeHint()

    def event(self, event: QEvent) -> bool:
        """Update when the panel asks for another size."""
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Resize the panel along."""
        self._panel.resize(event.size())
