"""Dictionaries of features, and circuits whose nodes are features."""

from circuitviz.features.dictionary import ARCHITECTURES, Dictionary
from circuitviz.features.edges import Edges
from circuitviz.features.graphs import local_scores, strongest
from circuitviz.features.influence import AttributionGraph, attribution_graph
from circuitviz.features.loading import (
    check_dictionary,
    check_set,
    dictionary_places,
    load_dictionaries,
    load_dictionary,
)
from circuitviz.features.local import (
    GATES,
    Ledger,
    LocalCircuit,
    fraction_curve,
    local_circuit,
)
from circuitviz.features.local import METHODS as LOCAL_METHODS
from circuitviz.features.nodes import node_table
from circuitviz.features.run import Run, run_prompt
from circuitviz.features.saelens import from_state, write_folder
from circuitviz.features.sites import Site
from circuitviz.features.table import NodeTable
from circuitviz.features.targets import (
    Target,
    difference_target,
    likely_logits,
    logit_target,
    neuron_target,
    node_target,
)

__all__ = [
    "ARCHITECTURES",
    "GATES",
    "LOCAL_METHODS",
    "AttributionGraph",
    "Dictionary",
    "Edges",
    "Ledger",
    "LocalCircuit",
    "NodeTable",
    "Run",
    "Site",
    "Target",
    "attribution_graph",
    "check_dictionary",
    "check_set",
    "dictionary_places",
    "difference_target",
    "fraction_curve",
    "from_state",
    "likely_logits",
    "load_dictionaries",
    "load_dictionary",
    "local_circuit",
    "local_scores",
    "logit_target",
    "neuron_target",
    "node_table",
    "node_target",
    "run_prompt",
    "strongest",
    "write_folder",
]
