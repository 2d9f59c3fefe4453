"""Every value of a document's manifest is exchanged: it is refused when it is read, or nothing fails later.

Run as a program with a number of cases and a seed; prints what happened.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication
from rich_documents import rich_documents

from circuitviz.document import Document
from circuitviz.document.node_text import tokens_by_position
from circuitviz.draw.registry import figure_formats
from circuitviz.errors import InputError
from circuitviz.formats import export_document, open_document
from circuitviz.formats.circuit_file import pack_document
from circuitviz.formats.label_rows import label_to_row
from circuitviz.paint import make_figure_page
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption
from circuitviz.shapes.text_metrics import load_shipped_fonts
from circuitviz.workbench.methods_text import bibtex, methods_paragraph

SUFFIXES = (".csv", ".nodes.csv", ".graphml", ".dot", ".json", ".graph.json")
STRANGE: list[Any] = [
    None, True, -1, 0, 3, 2**31, 2**63, 2**64, 10**19, -(2**70), 1e30, 1e300, 1e400, -1e400, float("nan"), 0.5, "", "x", "<b>&", "a->b",
    "\ud800", "\udcff", "a\u2028b\n\x1b[0m", "9" * 500, [], [1], ["x"], [[]], {}, {"a": 1}, {"value": None}, [0] * 9, [None, None], "logits", "#12",
]  # fmt: skip
REMOVED = object()


def places(node: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value, containers too."""
    for key, entry in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield (*way, key)
        yield from places(entry, (*way, key))


def changed(manifest: Any, way: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(manifest)
    node = made
    for key in way[:-1]:
        node = node[key]
    if value is REMOVED:
        del node[way[-1]]
    else:
        node[way[-1]] = copy.deepcopy(value)
    return made


def use(document: Document, folder: Path, chart: ChartView, path: Path) -> None:
    """All that is done with a document without a model."""
    state = document.state
    data = pack_document(document)
    (folder / "again.circuit").write_bytes(data)
    again = open_document(folder / "again.circuit")
    assert again.state.hash == state.hash and pack_document(again) == data
    for suffix in SUFFIXES:
        try:
            export_document(document, folder / f"out{suffix}")
        except InputError as error:  # features are nothing for EAP-IG
            assert suffix == ".json" and "of features" in str(error), error
    for name, found in document.measures.items():
        chart.draw_result(name, found["result"])
        assert chart.table_rows is not None and chart.hover_regions is not None
    chart.draw_result("amounts", {"points": document.curve, "most": 30, "edges": 8, "value": 0.5})
    chart.layout_shapes()
    for target, label in state.labels.items():
        json.dumps(label_to_row(target, label, state.circuit.graph if state.circuit else None))
    if state.circuit is None:
        return
    draw_figure(document, FigureOptions())
    figure_formats.get("svg").value.write(make_figure_page(document, FigureOptions(), "a.svg"))
    caption(document, FigureOptions()).encode()
    if state.origin is not None:
        (methods_paragraph(document) + bibtex(document)).encode()
        state.origin.command_line().encode()
        assert state.origin.requirements and state.origin.options is not None
    assert (
        document.current_history is not None
        and state.named_node_sets is not None
        and tokens_by_position(state) is not None
    )
    for entry in document.history:
        numbers = document.evaluations.get(entry["key"])
        assert (
            numbers is None
            or numbers["faithfulness"]["value"] is None
            or f"{numbers['faithfulness']['value']:.3f}"
        )


def run(number: int, seed: int) -> dict[str, Any]:
    """Change so many values, spread over all; ``faults`` are those that fail later, or with no sentence."""
    app = QApplication.instance() or QApplication([])
    load_shipped_fonts()
    chart, pick, outcome = ChartView(), random.Random(seed), Counter(opened=0, refused=0)
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "a.circuit"
        cases = []
        for document in rich_documents():
            with zipfile.ZipFile(io.BytesIO(pack_document(document))) as archive:
                manifest, tensors = (
                    json.loads(archive.read("document.json")),
                    archive.read("tensors.safetensors"),
                )
            for way in places(manifest):
                cases += [(manifest, tensors, way, value) for value in (*STRANGE, REMOVED)]
        for manifest, tensors, way, value in pick.sample(cases, min(number, len(cases))):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("document.json", json.dumps(changed(manifest, way, value)))
                archive.writestr("tensors.safetensors", tensors)
            try:
                document = open_document(path)
            except InputError as error:
                outcome["refused"] += 1
                if not 10 < len(str(error)) < 600 or "\n" in str(error):
                    faults.append(f"{way} = {value!r:.60}: {error}")
                continue
            except Exception as error:
                faults.append(
                    f"{way} = {value!r:.60}: opening: {''.join(traceback.format_exception(error)[-2:])}"
                )
                continue
            outcome["opened"] += 1
            try:
                use(document, folder, chart, path)
            except Exception as error:
                faults.append(f"{way} = {value!r:.60}: {''.join(traceback.format_exception(error)[-3:])}")
    chart.deleteLater()
    assert app is not None
    return {**outcome, "cases": len(cases), "faults": faults}


if __name__ == "__main__":
    told = run(int(sys.argv[1]), int(sys.argv[2]))
    print("\n".join(told["faults"]), file=sys.stderr)
    print(json.dumps({**told, "faults": len(told["faults"])}))
