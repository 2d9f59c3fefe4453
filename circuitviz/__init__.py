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

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    import lazy_loader  # reading the stub takes 13 ms: not before Ctrl+C is answered

    find_name, _, public_names = lazy_loader.attach_stub(__name__, __file__)
    return public_names if name == "__all__" else find_name(name)
