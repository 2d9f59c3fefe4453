"""Dictionaries (SAEs and transcoders), and circuits whose nodes are their features.

The way of a feature circuit of one prompt:

1. ``run_prompt`` runs the model once and keeps what attribution freezes: patterns and normalisation scales.
2. ``node_table`` writes everything that is added to the residual stream as rows of one matrix.
3. ``Edges`` gives, for any node, what every other node contributes to it, in closed form.
4. ``local_circuit`` or ``attribution_graph`` goes backwards from a target and keeps what matters.
5. ``PromptBench`` measures the result in the real model.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
