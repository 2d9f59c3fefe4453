"""Sources in docstrings and help pages are keys of the bibliography that ships with the application."""

from __future__ import annotations

import re
from pathlib import Path

import circuitviz
from circuitviz.resources import resource_path

PACKAGE = Path(circuitviz.__file__).parent
KEY = re.compile(r"\[([a-z]+[12]\d{3}[a-z]*)\]")


def test_every_source_is_in_the_bibliography() -> None:
    text = resource_path("references.bib").read_text(encoding="utf-8")
    known = re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)
    assert len(known) == len(set(known)), "a key is there twice"
    pages = [*PACKAGE.rglob("*.py"), *resource_path("help").glob("*.md")]
    used = {key: path.name for path in sorted(pages) for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert {key: name for key, name in used.items() if key not in known} == {}
    assert len(used) > 15
