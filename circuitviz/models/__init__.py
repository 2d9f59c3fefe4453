"""Opening a model, running it with edges patched, and recording what every sender writes."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
