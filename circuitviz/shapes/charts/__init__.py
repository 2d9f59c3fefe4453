"""Charts of results: one file per chart, registered under its measure's name.

To add the chart of a measure, add a file with a function that puts a result onto a ``ChartSpec``, decorated
with ``@charts.register(name, summary=...)``. Window, figure files and command line find it by that name. A
measure without a chart here is drawn from its own description (``circuitviz.plots``).
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
