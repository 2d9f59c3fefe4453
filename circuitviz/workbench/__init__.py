"""What a person can ask of the engine: open, discover, evaluate, read, trace. Free of Qt."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
