from .figure_files import figure_format_for as figure_format_for
from .figure_files import make_figure_page as make_figure_page
from .figure_files import save_figure as save_figure
from .plot_export import save_plot as save_plot
