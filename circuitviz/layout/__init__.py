"""Where nodes stand."""

from circuitviz.layout.registry import COLUMN_SPACING, ROW_SPACING, Layout, PositionColumn, Positions, layouts

__all__ = ["COLUMN_SPACING", "ROW_SPACING", "PositionColumn", "Layout", "Positions", "layouts"]
