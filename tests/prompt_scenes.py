"""Pictures of attribution graphs on long and short prompts, in columns of tokens."""

from __future__ import annotations

import numpy as np

from circuitviz.document import State
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene

WORDS = "When Mary and John went to the store , John gave a drink to the incomprehensibilities".split()


def prompt(tokens: int, n: int = 60, layers: int = 4) -> CircuitScene:
    """The picture of ``prompt_state``."""
    return build_scene(prompt_state(tokens, n, layers), "tokens")


def prompt_state(tokens: int, n: int = 60, layers: int = 4) -> State:
    """Features of a prompt, more of them at later tokens."""
    rng = np.random.default_rng(tokens)
    nodes = [Node(f"token@{t}", NodeKind.TOKEN, position=t, token=t) for t in range(tokens)]
    at = np.sort(rng.integers(0, tokens * tokens, n)) ** 0.5
    made = sorted((int(rng.integers(layers)), int(t)) for t in at)
    for i, (layer, t) in enumerate(made):
        name = f"m{layer}.f{1000 + i}@{t}"
        nodes.append(Node(name, NodeKind.FEATURE, layer, site="m", position=t, feature=1000 + i))
    nodes.append(Node(f"logit.7@{tokens - 1}", NodeKind.LOGITS, position=tokens - 1, token=7))
    mask = np.zeros((len(nodes) - 1, len(nodes)), bool)
    mask[:, -1] = True
    graph = Graph.of_nodes(ModelShape(layers, 2, 16), tuple(nodes), mask)
    told = {"prompt": {"strings": [f" {word}" for word in (WORDS * 3)[:tokens]]}}
    scores = Scores(graph, np.ones(graph.mask.shape), "attribution-graph", info=told)
    return State(None, scores, Circuit.full(graph))


LONG, SHORT = prompt(16), prompt(3, 8)
