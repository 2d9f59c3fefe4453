"""Dictionaries (SAEs and transcoders), and circuits whose nodes are their features.

Steps from a prompt to an evaluated feature circuit:

1. ``run_prompt`` runs the model once and records what attribution freezes: patterns, normalisation scales.
2. ``node_table`` collects everything that is added to the residual stream as rows of one matrix.
3. ``FeatureEdgeRows`` computes, for any node, what every other node contributes to it, in closed form.
4. ``local_circuit`` or ``attribution_graph`` attributes a target to nodes and selects the strongest.
5. ``PromptBench`` evaluates the circuit in the real model.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
