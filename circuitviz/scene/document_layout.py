"""Which layout a document is shown in: window, web page and command line choose the same."""

from __future__ import annotations

from circuitviz.document import Document
from circuitviz.layout import layouts


def usual_layout(document: Document) -> str:
    """The layout that a circuit is first shown in: by token where its nodes stand at tokens or spans."""
    circuit = document.state.circuit
    has_columns = circuit is not None and (circuit.graph.is_of_prompt or circuit.graph.spans is not None)
    return "tokens" if has_columns else "layered"


def saved_layout(document: Document) -> str:
    """The layout that a document was left in, or the usual one for its circuit."""
    layout = document.view.get("layout")
    return layout if layout in layouts.names() else usual_layout(document)
