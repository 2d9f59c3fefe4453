"""Dictionaries of features, and circuits whose nodes are features."""

from circuitviz.features.dictionary import ARCHITECTURES, Dictionary
from circuitviz.features.edges import Edges
from circuitviz.features.fit import Fit, fit, fitted, unexplained
from circuitviz.features.free import Check, check, check_each, run_changed, value_in
from circuitviz.features.frozen import frozen_change, predicted_change, total_effects
from circuitviz.features.graphs import local_scores, strongest
from circuitviz.features.heads import ScoreParts, score_parts, through_head
from circuitviz.features.influence import AttributionGraph, attribution_graph
from circuitviz.features.interventions import ACTIONS, Change, Intervention, work_out
from circuitviz.features.judging import Judged, PromptBench, judge
from circuitviz.features.loading import (
    check_dictionary,
    check_set,
    dictionary_places,
    given_or_shipped,
    load_dictionaries,
    load_dictionaries_steps,
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
from circuitviz.features.processing import Processing
from circuitviz.features.run import Run, run_prompt
from circuitviz.features.saelens import write_folder
from circuitviz.features.sites import Site
from circuitviz.features.table import NodeTable
from circuitviz.features.targets import (
    Target,
    difference_target,
    likely_logits,
    logit_target,
    named_target,
    neuron_target,
    node_target,
)
from circuitviz.features.traces import Example, Trace, Traces, find_examples, trace_examples, trace_of

__all__ = [
    "ACTIONS",
    "ARCHITECTURES",
    "GATES",
    "LOCAL_METHODS",
    "AttributionGraph",
    "Change",
    "Check",
    "Dictionary",
    "Edges",
    "Example",
    "Fit",
    "Intervention",
    "Judged",
    "Ledger",
    "LocalCircuit",
    "NodeTable",
    "Processing",
    "PromptBench",
    "Run",
    "ScoreParts",
    "Site",
    "Target",
    "Trace",
    "Traces",
    "attribution_graph",
    "check",
    "check_dictionary",
    "check_each",
    "check_set",
    "dictionary_places",
    "difference_target",
    "find_examples",
    "fit",
    "fitted",
    "fraction_curve",
    "given_or_shipped",
    "frozen_change",
    "judge",
    "likely_logits",
    "load_dictionaries",
    "load_dictionaries_steps",
    "load_dictionary",
    "local_circuit",
    "local_scores",
    "logit_target",
    "named_target",
    "neuron_target",
    "node_table",
    "node_target",
    "predicted_change",
    "run_changed",
    "run_prompt",
    "score_parts",
    "strongest",
    "through_head",
    "total_effects",
    "trace_examples",
    "trace_of",
    "unexplained",
    "value_in",
    "work_out",
    "write_folder",
]
