"""Dashboards: what is known of a feature apart from any circuit.

Where it is active, which tokens it reads and promotes, and its nearest neighbours.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
