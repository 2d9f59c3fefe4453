"""Opening a site into features is a zoom: its parts come out of the place of its heads, and go back there."""

from __future__ import annotations

import numpy as np

from circuitviz.graph import NodeKind
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode

Floats = np.ndarray[tuple[int, int], np.dtype[np.float64]]
FEATURE_KINDS = (NodeKind.FEATURE, NodeKind.ERROR)


def basis_change_origins(current: CircuitScene, target: CircuitScene) -> Floats | None:
    """Where a picture's nodes come from [nodes, 2]; None unless a site is opened or closed between two."""
    removed = [node for node in current.nodes if node.name not in target.by_name]
    new = [node for node in target.nodes if node.name not in current.by_name]
    opened = {_site_name(n) for n in removed if n.kind not in FEATURE_KINDS} & {
        _site_name(n) for n in new if n.kind in FEATURE_KINDS
    }
    closed = {_site_name(n) for n in removed if n.kind in FEATURE_KINDS} & {
        _site_name(n) for n in new if n.kind not in FEATURE_KINDS
    }
    if not opened | closed:
        return None
    places = {site: [(n.x, n.y) for n in removed if _site_name(n) == site] for site in opened | closed}
    middle = {site: np.mean(held, axis=0) for site, held in places.items()}
    found = []
    for node in target.nodes:
        before = current.by_name.get(node.name)
        here = (node.x, node.y) if before is None else (before.x, before.y)
        found.append(middle.get(_site_name(node), here) if before is None else here)
    return np.array(found).reshape(-1, 2)


def _site_name(node: DrawnNode) -> str:
    return node.name.partition("@")[0].partition(".")[0]
