"""Requests to the worker and their replies, one file per job: frozen, and free of Qt."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
