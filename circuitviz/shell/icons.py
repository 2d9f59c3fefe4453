"""Line icons, drawn in the theme's colour at any size."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from circuitviz.scene.theme import Theme

ICON_PATHS = {
    "open": "M3 7V5.5A1.5 1.5 0 0 1 4.500 4h4l2 2.500h7A1.500 1.500 0 0 1 19 8v1"
    "M3 7v11.500h15l3-9.500H6L3 18.500",
    "save": "M5 4h11l4 4v12H4V5a1 1 0 0 1 1-1zM8 4v5h7V4M8 20v-6h8v6",
    "export": "M12 15V4M8 8l4-4 4 4M4 15v4a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-4",
    "undo": "M9 14L4 9l5-5M4 9h9a6 6 0 0 1 0 12h-2",
    "redo": "M15 14l5-5-5-5M20 9h-9a6 6 0 0 0 0 12h2",
    "ablate": "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6.500 17.500l11-11",
    "restore": "M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500",
    "label": "M4 4h8l8 8-8 8-8-8zM8 8h.010",
    "fit": "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    "zoom-in": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M11 8v6M8 11h6",
    "zoom-out": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M8 11h6",
    "run": "M7 5l12 7-12 7z",
    "cancel": "M6 6l12 12M18 6L6 18",
    "group": "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8h4v4H8zM12 12h4v4h-4z",
    "fold": "M12 3v6M9 6.500L12 9.500l3-3M12 21v-6M9 17.500l3-3 3 3M4 12h16",
    "find": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
    "filter": "M4 5h16l-6 8v6l-4-2v-4z",
    "theme": "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
}


def themed_icon(name: str, theme: Theme) -> QIcon:
    """An icon in the theme's text colour, paler while disabled."""
    icon = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, theme.text), (QIcon.Mode.Disabled, theme.line)):
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
            f'stroke="{colour}" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round">'
            f'<path d="{ICON_PATHS[name]}"/></svg>'
        )
        renderer = QSvgRenderer(QByteArray(svg.encode()))
        for size in (20, 40):
            pixmap = QPixmap(size, size)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            renderer.render(painter, QRectF(0, 0, size, size))
            painter.end()
            icon.addPixmap(pixmap, mode)
    return icon
