"""A document as a web page, with its methods paragraph: window, command line and scripts write the same."""

from __future__ import annotations

from pathlib import Path

from circuitviz.document import Document
from circuitviz.draw.web_page import write_web_page
from circuitviz.errors import InputError
from circuitviz.formats.file_io import write_atomically
from circuitviz.scene.theme import EDGE_COLOURS
from circuitviz.workbench.methods_text import methods_paragraph

PAGE_SUFFIX = ".html"


def save_web_page(
    document: Document, path: Path | str, layout: str | None = None, edge_colours: str = EDGE_COLOURS[0]
) -> None:
    """Write a document as one self-contained web page, whole or not at all.

    Args:
        document: What is shown.
        path: The file, ``circuit.html``.
        layout: A name in ``layout.layouts``; None is the document's own.
        edge_colours: One of ``theme.EDGE_COLOURS``.

    Raises:
        InputError: There is no circuit, no layout of this name, or the place cannot be written.
    """
    try:
        methods = methods_paragraph(document)
    except InputError:  # the circuit does not say how it was found
        methods = ""
    write_atomically(Path(path), write_web_page(document, methods, layout, edge_colours))
