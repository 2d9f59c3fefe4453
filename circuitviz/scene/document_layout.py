"""Which layout a document is shown in: window, web page and command line choose the same."""

from __future__ import annotations

from circuitviz.document import Document
from circuitviz.layout import layouts


def saved_layout(document: Document) -> str:
    """The layout that a document was left in, or the usual one for its circuit."""
    circuit, layout = document.state.circuit, document.view.get("layout")
    has_columns = circuit is not None and (circuit.graph.is_of_prompt or circuit.graph.spans is not None)
    default = "tokens" if has_columns else "layered"
    return layout if layout in layouts.names() else default
