"""A picture made ready for a view: spread, measured, with its legend. Any thread does it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from PySide6.QtCore import QRectF

from circuitviz.canvas.aspect_fitter import AspectFitter
from circuitviz.canvas.camera_placement import free_area_beside
from circuitviz.canvas.canvas_legend import canvas_entries
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme
from circuitviz.shapes.circuit_legend import LegendEntry
from circuitviz.shapes.edge_styles import EdgeStyles


@dataclass(frozen=True, eq=False)
class FittedScene:
    """What a view shows of a picture.

    Attributes:
        geometry: of the picture as it is spread, with that picture.
        styles: of its edges.
        entries: of its legend.
        fitter: how it is spread, for the view to go on from.
        fitting: for what it was made.
    """

    geometry: SceneGeometry
    styles: EdgeStyles
    entries: list[LegendEntry]
    fitter: AspectFitter
    fitting: SceneFitting


@dataclass(frozen=True, eq=False)
class SceneFitting:
    """A view as it is when a picture is asked for.

    Attributes:
        fitter: how the view's picture is spread; nobody changes it.
        viewport: its rectangle, in pixels.
        theme: its colours.
        font_key: of the font of its texts.
        is_first: whether it shows nothing yet.
    """

    fitter: AspectFitter
    viewport: QRectF
    theme: Theme
    font_key: str
    is_first: bool

    @staticmethod
    def of_view(fitter: AspectFitter, viewport: QRectF, theme: Theme, is_first: bool) -> SceneFitting:
        """What a view is like now."""
        return SceneFitting(copy(fitter), viewport, theme, canvas_font(12).key(), is_first)

    def is_same_as(self, other: SceneFitting) -> bool:
        """Whether a picture that was made ready for one is so for the other."""
        ours, theirs = ((x.viewport, x.theme, x.font_key, x.is_first) for x in (self, other))
        return ours == theirs and (self.is_first or self.fitter.is_same_as(other.fitter))

    def fit(self, picture: CircuitScene) -> FittedScene:
        """Spread and measure a picture in the layout's units; what is found on first use is found by then."""
        styles = EdgeStyles.of_edges(picture.edges, self.theme)
        entries = canvas_entries(picture, styles, self.theme)
        fitter, free = copy(self.fitter), free_area_beside(picture, entries, self.viewport)
        geometry = SceneGeometry.from_scene(fitter.fit_scene(picture, free.size(), self.is_first))
        return FittedScene(geometry.precomputed(), styles, entries, fitter, self)
