"""Tests of what labels claim. Each kind of claim is one file: what is measured, and what would refute it."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
