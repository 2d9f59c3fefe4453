"""Opening a site into features is a zoom: its parts come out of the place of its heads, and go back there."""

from __future__ import annotations

import numpy as np

from circuitviz.canvas.picture import CircuitPicture, DrawnNode
from circuitviz.graph import Kind

Floats = np.ndarray[tuple[int, int], np.dtype[np.float64]]
PARTS = (Kind.FEATURE, Kind.ERROR)


def opening(shown: CircuitPicture, wanted: CircuitPicture) -> Floats | None:
    """Where a picture's nodes come from [nodes, 2]; None unless a site is opened or closed between two."""
    gone = [node for node in shown.nodes if node.name not in wanted.by_name]
    new = [node for node in wanted.nodes if node.name not in shown.by_name]
    opened = {_site(n) for n in gone if n.kind not in PARTS} & {_site(n) for n in new if n.kind in PARTS}
    closed = {_site(n) for n in gone if n.kind in PARTS} & {_site(n) for n in new if n.kind not in PARTS}
    if not opened | closed:
        return None
    places = {site: [(n.x, n.y) for n in gone if _site(n) == site] for site in opened | closed}
    middle = {site: np.mean(held, axis=0) for site, held in places.items()}
    found = []
    for node in wanted.nodes:
        before = shown.by_name.get(node.name)
        here = (node.x, node.y) if before is None else (before.x, before.y)
        found.append(middle.get(_site(node), here) if before is None else here)
    return np.array(found).reshape(-1, 2)


def _site(node: DrawnNode) -> str:
    return node.name.partition("@")[0].partition(".")[0]
