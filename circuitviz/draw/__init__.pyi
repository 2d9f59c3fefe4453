from .registry import figure_formats as figure_formats
