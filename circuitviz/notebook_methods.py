"""What objects show of themselves in notebooks, and what a circuit becomes there.

Circuits, scores and readings are plain data and know nothing of drawing. These base classes look up what the
layer ``notebook`` registers, when a notebook asks and not before, so that importing stays fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from circuitviz.registry import Registry

if TYPE_CHECKING:
    import subprocess

    import networkx as nx
    import pandas as pd

displays: Registry[Callable[[Any], str]] = Registry(
    "notebook display", "circuitviz.notebook", "circuitviz.displays"
)
"""By the name of a class, a function that makes HTML of its object."""

conversions: Registry[Callable[..., Any]] = Registry(
    "conversion", "circuitviz.notebook", "circuitviz.conversions"
)
"""By name, what ``NotebookCircuit`` offers of a circuit or a document."""


class NotebookObject:
    """An object that Jupyter shows as HTML, with drawings in SVG, light and dark."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """HTML with all text escaped; None, for the plain ``repr``, where the class has no display."""
        for kind in type(self).__mro__:
            if kind.__name__ in displays.names():
                return displays.get(kind.__name__).value(self)
        return None


class NotebookCircuit(NotebookObject):
    """A circuit or a document: it opens in the window and becomes tables and graphs of other libraries."""

    __slots__ = ()

    def show(self, scores: object = None) -> subprocess.Popen[bytes]:
        """Open the window on a copy, in a process of its own, and return at once.

        The window has it as unsaved work: it asks before it closes, and keeps a recovery file. What is
        changed there does not come back; save it there, and open the file.

        Args:
            scores: The ``Scores`` of a circuit's edges; of a document, its own are taken.

        Returns:
            The window's process.

        Raises:
            InputError: There is no circuit, or no screen.
        """
        process: subprocess.Popen[bytes] = conversions.get("show").value(self, scores)
        return process

    def to_networkx(self, scores: object = None) -> nx.MultiDiGraph:
        """A networkx graph, with the attributes that GraphML files have (``circuitviz.from_networkx``).

        Args:
            scores: The ``Scores`` of a circuit's edges; of a document, its own are taken.

        Raises:
            InputError: There is no circuit.
        """
        return conversions.get("networkx").value(self, scores)

    def to_pandas(self, scores: object = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Data frames of the nodes, indexed by name, and of the edges, the strongest first.

        Args:
            scores: The ``Scores`` of a circuit's edges; of a document, its own are taken.

        Raises:
            InputError: There is no circuit, or pandas is not installed.
        """
        nodes, edges = conversions.get("pandas").value(self, scores)
        return nodes, edges

    def to_eap_ig(self, scores: object = None) -> dict[str, Any]:
        """EAP-IG's ``Graph`` JSON as a dictionary (``circuitviz.from_eap_ig``).

        Args:
            scores: The ``Scores`` of a circuit's edges; of a document, its own are taken.

        Raises:
            InputError: There is no circuit, or it is of features or by span.
        """
        data: dict[str, Any] = conversions.get("eap-ig").value(self, scores)
        return data
