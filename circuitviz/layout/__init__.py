"""Layouts: functions from a circuit to the positions of its nodes."""

from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Layout, PositionColumn, Positions, layouts

__all__ = ["COLUMN_SPACING", "ROW_SPACING", "PositionColumn", "Layout", "Positions", "layouts"]
