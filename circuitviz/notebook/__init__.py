"""Circuits and numbers in notebooks: their HTML, and graphs and tables of other libraries."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
