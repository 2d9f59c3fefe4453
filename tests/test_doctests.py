"""The examples in the package's docstrings are run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import circuitviz

PACKAGE = Path(circuitviz.__file__).parent


def test_examples_in_docstrings_hold() -> None:
    n_examples = 0
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>>" in path.read_text(encoding="utf-8"):
            name = ".".join(("circuitviz", *path.relative_to(PACKAGE).with_suffix("").parts))
            results = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
            assert not results.failed, name
            n_examples += results.attempted
    assert n_examples > 30
