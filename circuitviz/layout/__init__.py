"""Where nodes stand."""

from circuitviz.layout.registry import COLUMN, ROW, Column, Layout, Places, layouts

__all__ = ["COLUMN", "ROW", "Column", "Layout", "Places", "layouts"]
