from .figure_options import FigureOptions as FigureOptions
from .figure_options import options_to_flags as options_to_flags
from .figure_text import origin_lines as origin_lines
from .plot_axes import PlotFigureOptions as PlotFigureOptions
