"""The help pages on file formats name everything that files hold, and their example works as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich_documents import rich_features, rich_heads

from circuitviz.document import Document
from circuitviz.formats import save_document
from circuitviz.formats.circuit_file import MANIFEST_NAME, TENSORS_NAME
from circuitviz.formats.migrations import FILE_VERSION
from circuitviz.formats.parts.measure_results import RESULT_SCHEMAS
from circuitviz.formats.parts.registry import parts
from circuitviz.formats.registry import formats
from circuitviz.graph import NodeKind
from circuitviz.resources import resource_path
from circuitviz.tasks.row_layouts import ROW_LAYOUTS


def read_page(name: str) -> str:
    return resource_path("help", name).read_text(encoding="utf-8")


@pytest.mark.parametrize("make", [rich_heads, rich_features])
def test_the_page_names_every_key_and_tensor_of_a_document(make: type) -> None:
    page, document = read_page("file-format.md"), make()
    named = [MANIFEST_NAME, TENSORS_NAME, "version"]
    for entry in parts.entries():
        written = entry.value.write(document)
        named += [*written, *entry.value.tensors(document)]
        for key in ("graph", "scores", "circuit", "provenance"):
            named += written.get(key) or ()
    for label in document.state.labels.values():
        named += [*vars(label), *(name for evidence in label.evidence for name in vars(evidence))]
    assert [name for name in named if f"`{name}`" not in page and f'"{name}"' not in page] == []


def test_the_page_names_every_measure_and_kind_of_node() -> None:
    page = read_page("file-format.md")
    assert f"file version {FILE_VERSION}" in page
    assert [name for name in (*RESULT_SCHEMAS, *NodeKind) if f"`{name}`" not in page] == []


def test_the_pages_example_reads_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document: Document = rich_heads()
    save_document(document, tmp_path / "ioi.circuit")
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", read_page("file-format.md"), re.DOTALL)
    exec(compile(example, "file-format.md", "exec"), {})
    assert document.state.circuit is not None and document.state.origin is not None
    expected = f"{document.state.origin.method} {document.state.circuit.n_edges} edges"
    assert capsys.readouterr().out.strip() == expected


def test_the_page_on_formats_names_every_suffix_and_column_of_tasks() -> None:
    page = read_page("formats.md") + read_page("file-format.md")
    assert [e.value.suffix for e in formats.entries() if f"`{e.value.suffix}`" not in page] == []
    for layout in ROW_LAYOUTS:
        assert [name for name in layout.columns if not re.search(rf"\b{name}\b", page)] == [], layout.tool


@pytest.mark.parametrize("name", ["file-format.md", "formats.md", "glossary.md"])
def test_links_between_pages_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([\w-]+\.md)\)", read_page(name)):
        assert resource_path("help", target).is_file(), target


def test_glossary_terms_are_there_once() -> None:
    terms = re.findall(r"^\*\*(.+?)\*\* –", read_page("glossary.md"), re.MULTILINE)
    assert len(terms) > 60 and len(terms) == len(set(terms))
