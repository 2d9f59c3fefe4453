"""The mean of the gradients at both ends of the path: two passes against EAP's blind spots."""

from __future__ import annotations

from circuitviz.discovery.averaged import Point, averaged
from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.options import NoOptions
from circuitviz.progress import Steps


@methods.register(
    "clean-corrupted",
    summary="EAP with the mean of the gradients at the clean and at the corrupted prompt",
    reference="Hanna et al. 2024 (authors' code)",
    options=NoOptions,
    smooth=True,
)
def clean_corrupted(setting: Setting, options: NoOptions) -> Steps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ½(∂L/∂x_v at x + at x')."""
    points = [Point(), Point(corrupted=True)]
    return (yield from averaged(setting, "clean-corrupted", lambda batch: points, begins_clean=True))
