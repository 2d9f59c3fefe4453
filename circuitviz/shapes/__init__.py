"""A circuit, a plot or a legend as a list of drawing primitives, for screen and paper."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
