"""Where nodes stand."""

from circuitviz.layout.registry import COLUMN, ROW, Layout, Places, layouts

__all__ = ["COLUMN", "ROW", "Layout", "Places", "layouts"]
