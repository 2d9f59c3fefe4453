"""Which way the layers of a page's drawing go: many layers upwards make a tower whose names are too small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from circuitviz.graph import NodeKind
from circuitviz.layout import COLUMN_SPACING, ROW_SPACING
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_arrays import FloatArray
from circuitviz.shapes.node_shapes import END_KINDS

STAGE_WIDTH_PX, STAGE_HEIGHT_PX = 940.0, 560.0  # of the drawing in a page of 1280 × 800
READABLE_ZOOM = 0.6  # at which names of 12 units are 7 px high
NARROW_WIDTH, NARROW_HEIGHT = 34.0, 24.0  # scene units of a box whose layer is told below it
LAYER_PITCH, ROW_PITCH = 46.0, 32.0  # scene units from layer to layer, and from node to node of one
MOST_ROW_PITCH = 64.0  # scene units
LONGEST_NAME = 4  # characters that a narrow box holds
END_GAP = 40.0  # scene units by which input and logits, whose boxes are long, stand further out


def turn_tall_scene(scene: CircuitScene, bounds: FloatArray) -> CircuitScene:
    """The scene with its layers from left to right, where upwards it would be too small to read.

    Heads and MLPs get narrow boxes, whose layer is told once below them; labels are read by pointing at them.
    What has columns of tokens or heads, boxes of groups or long names stays, as does what fits a page.

    Args:
        scene: A scene in its layout's units, layers upwards.
        bounds: Left, top, right and bottom of its boxes [nodes, 4].
    """
    width, height = np.ptp(bounds[:, [0, 2]]), np.ptp(bounds[:, [1, 3]])
    zoom = min(STAGE_WIDTH_PX / width, STAGE_HEIGHT_PX / height)
    if zoom >= READABLE_ZOOM or scene.columns or scene.cells or any(node.members for node in scene.nodes):
        return scene
    if any(len(node.title_in_cell) > LONGEST_NAME for node in scene.nodes if node.kind not in END_KINDS):
        return scene
    across = NARROW_HEIGHT + (width / COLUMN_SPACING) * ROW_PITCH
    along = NARROW_WIDTH + (height / ROW_SPACING) * LAYER_PITCH + 2 * END_GAP
    if min(STAGE_WIDTH_PX / along, STAGE_HEIGHT_PX / across) <= zoom:
        return scene
    room = STAGE_HEIGHT_PX * along / STAGE_WIDTH_PX - NARROW_HEIGHT  # rows move apart to fill the height
    pitch = min(max(ROW_PITCH, room * COLUMN_SPACING / width), MOST_ROW_PITCH)
    nodes = []
    for node in scene.nodes:
        x, y = node.y * LAYER_PITCH / ROW_SPACING, -node.x * pitch / COLUMN_SPACING
        if node.kind in END_KINDS:
            x += END_GAP if node.kind is NodeKind.LOGITS else -END_GAP
        box = None if node.kind in END_KINDS else (NARROW_WIDTH, NARROW_HEIGHT)
        nodes.append(replace(node, x=x, y=y, box=box))
    return replace(scene, nodes=tuple(nodes), is_horizontal=True)
