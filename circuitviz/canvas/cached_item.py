"""A layer that is too much for one frame is painted into an image, a few milliseconds at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from circuitviz.canvas.scene_geometry import SceneGeometry

DIMMED_OPACITY = 0.28
RENDER_MARGIN_SHARE = 0.15  # of the view's longer side, painted beyond what is seen


PaintStep = Callable[[QPainter], None]


class RenderBuffer:
    """An image of a part of the scene at one scale, and the strokes that are still to come.

    A painter lives for one slice: one that is open when its image is collected takes the process down.
    """

    def __init__(self, area: QRectF, scale: float, ratio: float, strokes: Iterable[PaintStep]) -> None:
        self.area, self.scale, self._paint_steps = area, scale, iter(strokes)
        width, height = round(area.width() * scale * ratio), round(area.height() * scale * ratio)
        self.image = QImage(max(1, width), max(1, height), QImage.Format.Format_ARGB32_Premultiplied)
        self.image.setDevicePixelRatio(ratio)
        self.image.fill(Qt.GlobalColor.transparent)

    def render_slice(self, deadline: float) -> bool:
        """Paint until a time of ``perf_counter``; False once everything is there."""
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self.scale, self.scale)
        painter.translate(-self.area.topLeft())
        try:
            for stroke in self._paint_steps:
                stroke(painter)
                if perf_counter() >= deadline:
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

    Three images: ``_full_image`` of everything, which fills in where the sharp one does not reach while
    one pans; ``_current_image``, the last finished; ``_pending_image``, in work. ``set_dimmed`` steps back as
    a whole, which costs no stroke.
    """

    def __init__(self) -> None:
        super().__init__()
        self.geometry: SceneGeometry | None = None
        self._full_image: RenderBuffer | None = None
        self._current_image: RenderBuffer | None = None
        self._pending_image: RenderBuffer | None = None
        self._is_stale, self._is_dimmed, self._is_fine = True, False, True
        self._visible_area, self._pixel_ratio = QRectF(), 1.0
        self.rest_opacity = 1.0  # of the layer while it does not step back
        self.is_painted_directly = False  # without images: for a picture with other pixels than the screen's
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)  # tells what is seen

    def paint_steps(self, area: QRectF, scale: float, fine: bool) -> Iterator[PaintStep]:
        """What paints an area, in pieces of a millisecond or so."""
        raise NotImplementedError

    def extent(self) -> QRectF:
        """All that there is to paint, in scene units: the picture's bounds."""
        return QRectF() if self.geometry is None else self.geometry.bounds

    def paint_draft(self, painter: QPainter, area: QRectF, scale: float) -> None:
        """Paint roughly, within a frame: for what moves, and for the first sight."""
        raise NotImplementedError

    def needs_draft(self) -> bool:
        """Whether a rough picture comes before the fine one."""
        return False

    def boundingRect(self) -> QRectF:
        """All that there is to paint."""
        return self.extent()

    def set_dimmed(self, is_dimmed: bool) -> None:
        """Step back behind what is brought forward, or come back."""
        if is_dimmed != self._is_dimmed:
            self._is_dimmed = is_dimmed
            self.update()

    def invalidate(self) -> None:
        """What the images show is no longer so; the old ones stay until new ones are done."""
        self._is_stale = True
        self.cancel_render()

    def clear_images(self) -> None:
        """The images show what is elsewhere now: draw drafts until new ones are done."""
        self.cancel_render()
        self._full_image = self._current_image = None
        self._is_stale = True
        self.update()

    def cancel_render(self) -> None:
        """Leave the image in work."""
        self._pending_image = None

    def begin_render(self, seen: QRectF, scale: float, ratio: float, needs_draft: bool = True) -> bool:
        """Begin an image of what is seen, where the last one does not serve; whether there is work.

        ``needs_draft``: whether somebody looks on meanwhile.
        """
        reach = self.extent()
        if reach.isEmpty():
            self.cancel_render()
            return False
        need = seen.intersected(reach)
        have = self._pending_image or (None if self._is_stale else self._current_image)
        if have is not None and have.scale == scale and have.area.contains(need):
            return self._pending_image is not None
        self.cancel_render()
        self._visible_area, self._pixel_ratio = seen, ratio
        self._start_buffer(scale, fine=not (needs_draft and self.needs_draft()))
        return True

    def _start_buffer(self, scale: float, fine: bool) -> None:
        margin = (
            RENDER_MARGIN_SHARE * max(self._visible_area.width(), self._visible_area.height())
            if fine
            else 0.0
        )
        area = self._visible_area.adjusted(-margin, -margin, margin, margin).intersected(self.extent())
        self._pending_image = RenderBuffer(
            area, scale, self._pixel_ratio, self.paint_steps(area, scale, fine)
        )
        self._is_fine = fine

    def render_slice(self, deadline: float) -> bool:
        """Paint on the image in work until a time; whether work is left."""
        sheet = self._pending_image
        if sheet is None:
            return False
        if sheet.render_slice(deadline):
            return True
        self._pending_image, self._current_image, self._is_stale = None, sheet, False
        if sheet.area.contains(self.extent()):
            self._full_image = sheet
        elif self._full_image is not None and self._full_image.area != self.extent():
            self._full_image = None
        self.update()
        if not self._is_fine:
            self._start_buffer(sheet.scale, fine=True)
        return self._pending_image is not None

    @property
    def is_sharp(self) -> bool:
        """Whether nothing is left to paint."""
        return self._pending_image is None and not self._is_stale

    def is_rendered_at(self, scale: float) -> bool:
        """Whether what is shown was painted for this scale, roughly or finely."""
        return self._current_image is not None and not self._is_stale and self._current_image.scale == scale

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the images there are; a draft where there are none."""
        seen = QRectF(option.exposedRect).intersected(self.extent())
        painter.setOpacity(DIMMED_OPACITY if self._is_dimmed else self.rest_opacity)
        self._paint_images(painter, seen)
        painter.setOpacity(1.0)
        self.paint_highlighted(painter, seen)

    def paint_highlighted(self, painter: QPainter, seen: QRectF) -> None:
        """Bring forward what does not fade with the rest."""

    def cache_draft(self, painter: QPainter, seen: QRectF) -> None:
        """Paint the draft into an image, for the frames until there is a better one: they only stretch it."""
        margin = RENDER_MARGIN_SHARE * max(seen.width(), seen.height())
        area = seen.adjusted(-margin, -margin, margin, margin).intersected(self.extent())
        scale = painter.worldTransform().m11()

        def stroke(on: QPainter) -> None:
            self.paint_draft(on, area, scale)

        self._current_image = RenderBuffer(area, scale, painter.device().devicePixelRatio(), [stroke])
        self._current_image.render_slice(perf_counter())

    def _paint_images(self, painter: QPainter, seen: QRectF) -> None:
        if self.is_painted_directly:
            for step in self.paint_steps(seen, painter.worldTransform().m11(), fine=True):
                step(painter)
            return
        if self._current_image is None:
            self.paint_draft(painter, seen, painter.worldTransform().m11())
            return
        behind = self._full_image is not self._current_image and not self._current_image.area.contains(seen)
        if self._full_image is not None and behind:
            outside = QPainterPath()
            outside.addRect(seen)
            outside.addRect(self._current_image.area.intersected(seen))
            painter.save()
            painter.setClipPath(outside)  # odd and even: all but what the sharp image covers
            self._full_image.paint(painter)
            painter.restore()
        self._current_image.paint(painter)
