"""What the Inspector says of nodes of prompt circuits."""

from __future__ import annotations

import json
from pathlib import Path

from panel_host import PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document.node_text import describe_graph_source
from circuitviz.formats import import_document

EXAMPLE = Path(__file__).parents[2] / "formats" / "example_np_graph.json"


def test_origin_of_a_graph_is_plain_text_of_any_file(host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    data = json.loads(EXAMPLE.read_text())
    source = host.show("inspector").prompt_node_view.source_label
    for number, (scan, prompt, said) in enumerate(
        [
            ("<b>m</b>", "a <img src=x>", "Attribution graph of <b>m</b> on “a <img src=x>”"),
            (None, "only a prompt", "Attribution graph on “only a prompt”"),
            (["odd"], {"odd": 1}, ""),
        ]
    ):
        data["metadata"] |= {"scan": scan, "prompt": prompt}
        path = tmp_path / f"{number}.graph.json"
        path.write_text(json.dumps(data))
        host.reopen(path)
        host.workspace.set_selection(frozenset({"m20.f15589@4"}), frozenset())
        assert source.text() == said and source.isVisible() == bool(said)
        assert source.textFormat() is Qt.TextFormat.PlainText
    data["metadata"] |= {"scan": "m", "prompt": "word " * 2000}
    path.write_text(json.dumps(data))
    assert len(describe_graph_source(import_document(path).state.scores.info)) < 340
