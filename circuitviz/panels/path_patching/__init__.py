"""The path patching panel."""

from circuitviz.panels.path_patching.panel import PathPatchingPanel

__all__ = ["PathPatchingPanel"]
