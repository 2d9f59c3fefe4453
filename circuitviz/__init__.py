"""circuitviz finds circuits in transformer language models, draws them and takes them apart.

>>> import circuitviz as cv
>>> model = cv.load_model("demo")                                          # doctest: +SKIP
>>> task = cv.load_task("ioi", model, prompts=64, seed=0)                  # doctest: +SKIP
>>> circuit = cv.discover(model, task, "eap-ig", steps=5).greedy(200)      # doctest: +SKIP
>>> cv.evaluate(model, task, circuit).faithfulness                         # doctest: +SKIP

>>> opened = cv.open("ioi.circuit")                                        # doctest: +SKIP
>>> opened.evaluate().faithfulness, opened.read("a3.h1").top[0]            # doctest: +SKIP

>>> table = cv.node_table(cv.run_prompt(model, "The keys"), cv.load_dictionaries([folder], model))
... # doctest: +SKIP
>>> cv.local_circuit(cv.Edges(table), cv.node_target(table, "m3.f12@2"), nodes=50)   # doctest: +SKIP
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would be an import more before Ctrl+C is answered

__version__ = "0.1.0"

# The names are looked up when used: importing circuitviz must not take a second for torch.
_MODULE_OF_NAME = {
    "load_model": "models",
    "load_task": "tasks",
    "Task": "tasks",
    "Pair": "tasks",
    "discover": "discovery",
    "discover_steps": "discovery",
    "evaluate": "evaluation",
    "evaluate_steps": "evaluation",
    "overlap": "evaluation",
    "read_node": "lens",
    "load_dictionaries": "features",
    "load_dictionary": "features",
    "run_prompt": "features",
    "node_table": "features",
    "node_target": "features",
    "likely_logits": "features",
    "Edges": "features",
    "local_circuit": "features",
    "attribution_graph": "features",
    "Circuit": "graph",
    "Graph": "graph",
    "Scores": "graph",
    "open": "workbench.opened_document",
    "open_document": "formats",
    "save_document": "formats",
    "export_document": "formats",
    "import_document": "formats",
    "InputError": "errors",
    "ComputationError": "errors",
}

__all__ = list(_MODULE_OF_NAME)

if TYPE_CHECKING:
    from typing import Any

    from circuitviz.discovery import discover, discover_steps
    from circuitviz.errors import ComputationError, InputError
    from circuitviz.evaluation import evaluate, evaluate_steps
    from circuitviz.features import (
        Edges,
        attribution_graph,
        likely_logits,
        load_dictionaries,
        load_dictionary,
        local_circuit,
        node_table,
        node_target,
        run_prompt,
    )
    from circuitviz.formats import (
        export_document,
        import_document,
        open_document,
        save_document,
    )
    from circuitviz.graph import Circuit, Graph, Scores
    from circuitviz.graph.overlap import overlap
    from circuitviz.lens import read_node
    from circuitviz.models import load_model
    from circuitviz.tasks import Pair, Task, load_task
    from circuitviz.workbench.opened_document import open


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module 'circuitviz' has no attribute '{name}'")
    return getattr(importlib.import_module(f"circuitviz.{_MODULE_OF_NAME[name]}"), name)
