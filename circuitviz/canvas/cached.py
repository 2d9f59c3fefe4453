"""A layer that is too much for one frame is painted into an image, a few milliseconds at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

FADED = 0.28
MARGIN = 0.15  # of the view's longer side, painted beyond what is seen


Stroke = Callable[[QPainter], None]


class Sheet:
    """An image of a part of the scene at one scale, and the strokes that are still to come.

    A painter lives for one slice: one that is open when its image is collected takes the process down.
    """

    def __init__(self, area: QRectF, scale: float, ratio: float, strokes: Iterable[Stroke]) -> None:
        self.area, self.scale, self._strokes = area, scale, iter(strokes)
        width, height = round(area.width() * scale * ratio), round(area.height() * scale * ratio)
        self.image = QImage(max(1, width), max(1, height), QImage.Format.Format_ARGB32_Premultiplied)
        self.image.setDevicePixelRatio(ratio)
        self.image.fill(Qt.GlobalColor.transparent)

    def go_on(self, until: float) -> bool:
        """Paint until a time of ``perf_counter``; False once everything is there."""
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self.scale, self.scale)
        painter.translate(-self.area.topLeft())
        try:
            for stroke in self._strokes:
                stroke(painter)
                if perf_counter() >= until:
                    return True
        finally:
            painter.end()
        return False

    def paint(self, painter: QPainter) -> None:
        """Draw the image where it belongs: pixel by pixel at its own scale, else stretched."""
        there = painter.worldTransform().mapRect(self.area)
        if abs(painter.worldTransform().m11() / self.scale - 1) > 1e-6:
            painter.drawImage(self.area, self.image)
            return
        painter.save()
        painter.resetTransform()
        painter.drawImage(QPointF(round(there.left()), round(there.top())), self.image)
        painter.restore()


class CachedItem(QGraphicsItem):
    """Shows its last finished image, stretched, until the sharp one is done.

    Three images: ``_whole`` of everything, which fills in where the sharp one does not reach while
    one pans; ``_sharp``, the last finished; ``_next``, in work. ``fade`` steps back as a whole, which
    costs no stroke.
    """

    def __init__(self) -> None:
        super().__init__()
        self._whole: Sheet | None = None
        self._sharp: Sheet | None = None
        self._next: Sheet | None = None
        self._stale, self._faded, self._fine = True, False, True
        self._seen, self._ratio = QRectF(), 1.0
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)  # tells what is seen

    def strokes(self, area: QRectF, scale: float, fine: bool) -> Iterator[Stroke]:
        """What paints an area, in pieces of a millisecond or so."""
        raise NotImplementedError

    def reach(self) -> QRectF:
        """All that there is to paint, in scene units."""
        raise NotImplementedError

    def draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """Paint roughly, within a frame: for what moves, and for the first sight."""
        raise NotImplementedError

    def wants_draft(self) -> bool:
        """Whether a rough picture comes before the fine one."""
        return False

    def boundingRect(self) -> QRectF:
        """All that there is to paint."""
        return self.reach()

    def fade(self, faded: bool) -> None:
        """Step back behind what is brought forward, or come back."""
        if faded != self._faded:
            self._faded = faded
            self.update()

    def outdate(self) -> None:
        """What the images show is no longer so; the old ones stay until new ones are done."""
        self._stale = True
        self.drop_next()

    def forget(self) -> None:
        """The images show what is elsewhere now: draw drafts until new ones are done."""
        self.drop_next()
        self._whole = self._sharp = None
        self._stale = True
        self.update()

    def drop_next(self) -> None:
        """Leave the image in work."""
        self._next = None

    def aim(self, seen: QRectF, scale: float, ratio: float) -> bool:
        """Begin an image of what is seen, where the last one does not serve; whether there is work."""
        reach = self.reach()
        if reach.isEmpty():
            self.drop_next()
            return False
        need = seen.intersected(reach)
        have = self._next or (None if self._stale else self._sharp)
        if have is not None and have.scale == scale and have.area.contains(need):
            return self._next is not None
        self.drop_next()
        self._seen, self._ratio = seen, ratio
        self._begin(scale, fine=not self.wants_draft())
        return True

    def _begin(self, scale: float, fine: bool) -> None:
        margin = MARGIN * max(self._seen.width(), self._seen.height()) if fine else 0.0
        area = self._seen.adjusted(-margin, -margin, margin, margin).intersected(self.reach())
        self._next = Sheet(area, scale, self._ratio, self.strokes(area, scale, fine))
        self._fine = fine

    def go_on(self, until: float) -> bool:
        """Paint on the image in work until a time; whether work is left."""
        sheet = self._next
        if sheet is None:
            return False
        if sheet.go_on(until):
            return True
        self._next, self._sharp, self._stale = None, sheet, False
        if sheet.area.contains(self.reach()):
            self._whole = sheet
        elif self._whole is not None and self._whole.area != self.reach():
            self._whole = None
        self.update()
        if not self._fine:
            self._begin(sheet.scale, fine=True)
        return self._next is not None

    @property
    def is_sharp(self) -> bool:
        """Whether nothing is left to paint."""
        return self._next is None and not self._stale

    def shows(self, scale: float) -> bool:
        """Whether what is shown was painted for this scale, roughly or finely."""
        return self._sharp is not None and not self._stale and self._sharp.scale == scale

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the images there are; a draft where there are none."""
        seen = QRectF(option.exposedRect).intersected(self.reach())
        painter.setOpacity(FADED if self._faded else 1.0)
        self._paint_images(painter, seen)
        painter.setOpacity(1.0)
        self.paint_over(painter, seen)

    def paint_over(self, painter: QPainter, seen: QRectF) -> None:
        """Bring forward what does not fade with the rest."""

    def keep_draft(self, painter: QPainter, seen: QRectF) -> None:
        """Paint the draft into an image, for the frames until there is a better one: they only stretch it."""
        margin = MARGIN * max(seen.width(), seen.height())
        area = seen.adjusted(-margin, -margin, margin, margin).intersected(self.reach())
        scale = painter.worldTransform().m11()

        def stroke(on: QPainter) -> None:
            self.draft(on, area, scale)

        self._sharp = Sheet(area, scale, painter.device().devicePixelRatio(), [stroke])
        self._sharp.go_on(perf_counter())

    def _paint_images(self, painter: QPainter, seen: QRectF) -> None:
        if self._sharp is None:
            self.draft(painter, seen, painter.worldTransform().m11())
            return
        behind = self._whole is not self._sharp and not self._sharp.area.contains(seen)
        if self._whole is not None and behind:
            outside = QPainterPath()
            outside.addRect(seen)
            outside.addRect(self._sharp.area.intersected(seen))
            painter.save()
            painter.setClipPath(outside)  # odd and even: all but what the sharp image covers
            self._whole.paint(painter)
            painter.restore()
        self._sharp.paint(painter)
