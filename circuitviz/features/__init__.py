"""Dictionaries (SAEs and transcoders), and circuits whose nodes are their features.

The way of a feature circuit of one prompt:

1. ``run_prompt`` runs the model once and keeps what attribution freezes: patterns and normalisation scales.
2. ``node_table`` writes everything that is added to the residual stream as rows of one matrix.
3. ``Edges`` gives, for any node, what every other node contributes to it, in closed form.
4. ``local_circuit`` or ``attribution_graph`` goes backwards from a target and keeps what matters.
5. ``PromptBench`` measures the result in the real model.
"""

from circuitviz.features.attention_parts import AttentionScoreParts, attention_score_parts, row_through_head
from circuitviz.features.build_node_table import node_table
from circuitviz.features.dictionary import ARCHITECTURES, Dictionary
from circuitviz.features.dictionary_fit import (
    DictionaryFit,
    fit_dictionaries,
    fit_processing,
    unexplained_variance,
)
from circuitviz.features.dictionary_loading import (
    check_dictionary,
    check_one_per_site,
    find_dictionary_paths,
    load_dictionaries,
    load_dictionaries_steps,
    load_dictionary,
    paths_or_shipped,
)
from circuitviz.features.feature_edges import Edges
from circuitviz.features.feature_scores import local_circuit_scores, strongest_edges
from circuitviz.features.frozen_effects import frozen_change, predicted_change, total_effects_by_stage
from circuitviz.features.influence import AttributionGraph, attribution_graph
from circuitviz.features.intervene import (
    InterventionCheck,
    check_interventions,
    run_with_changes,
    target_value_in,
)
from circuitviz.features.local_circuits import LOCAL_METHODS as LOCAL_METHODS
from circuitviz.features.local_circuits import (
    THRESHOLD_GATES,
    AttributionLedger,
    LocalCircuit,
    fraction_curve_steps,
    local_circuit,
)
from circuitviz.features.node_changes import (
    INTERVENTION_ACTIONS,
    NodeChange,
    resolve_interventions,
)
from circuitviz.features.node_table import NodeTable
from circuitviz.features.prompt_bench import PromptBench, PromptCircuitValues, evaluate_prompt_circuit
from circuitviz.features.prompt_run import Run, run_prompt
from circuitviz.features.saelens import write_saelens_folder
from circuitviz.features.sites import Site
from circuitviz.features.targets import (
    Target,
    difference_target,
    likely_logits,
    logit_target,
    named_target,
    neuron_target,
    node_target,
)
from circuitviz.features.trace import (
    Trace,
    TraceExample,
    TraceSet,
    find_examples_steps,
    trace_examples_steps,
    trace_of_circuit,
)
from circuitviz.features.weight_processing import Processing

__all__ = [
    "INTERVENTION_ACTIONS",
    "ARCHITECTURES",
    "THRESHOLD_GATES",
    "LOCAL_METHODS",
    "AttributionGraph",
    "NodeChange",
    "InterventionCheck",
    "Dictionary",
    "Edges",
    "TraceExample",
    "DictionaryFit",
    "PromptCircuitValues",
    "AttributionLedger",
    "LocalCircuit",
    "NodeTable",
    "Processing",
    "PromptBench",
    "Run",
    "AttentionScoreParts",
    "Site",
    "Target",
    "Trace",
    "TraceSet",
    "attribution_graph",
    "check_interventions",
    "check_dictionary",
    "check_one_per_site",
    "find_dictionary_paths",
    "difference_target",
    "find_examples_steps",
    "fit_processing",
    "fit_dictionaries",
    "fraction_curve_steps",
    "paths_or_shipped",
    "frozen_change",
    "evaluate_prompt_circuit",
    "likely_logits",
    "load_dictionaries",
    "load_dictionaries_steps",
    "load_dictionary",
    "local_circuit",
    "local_circuit_scores",
    "logit_target",
    "named_target",
    "neuron_target",
    "node_table",
    "node_target",
    "predicted_change",
    "run_with_changes",
    "run_prompt",
    "attention_score_parts",
    "strongest_edges",
    "row_through_head",
    "total_effects_by_stage",
    "trace_examples_steps",
    "trace_of_circuit",
    "unexplained_variance",
    "target_value_in",
    "resolve_interventions",
    "write_saelens_folder",
]
