"""Sweeps: searches of many models, tasks, methods and settings, each kept in its own file. Free of Qt."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
