"""Circuits of features on one prompt, and traces over many examples."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit, has_traceable_node
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.panels.feature_circuit.panel import FeatureCircuitPanel
from circuitviz.panels.steering.panel import SteeringPanel
from circuitviz.panels.traces.panel import TracesPanel
from circuitviz.workspace import Workspace


@command(
    "trace-node", text="Trace the selected node", menu="Discovery", group="features", shortcut="Shift+T",
    enabled=has_traceable_node,
)  # fmt: skip
def trace_node(workspace: Workspace) -> None:
    """Find the prompt circuit of the selected feature, head or logit."""
    workspace.prompt_circuits.trace_selected_node()


@command(
    "feature-circuit",
    text="Circuit of a feature or token…",
    menu="Discovery",
    group="features",
    shortcut="Ctrl+6",
)
def show_feature_circuit(docks: PanelService, panel: FeatureCircuitPanel) -> None:
    """Find the circuit of a feature or a token on one prompt."""
    docks.bring_to_front("feature-circuit")
    panel.query_form.target_field.setFocus()


@command(
    "steer-nodes", text="Steer with the selected nodes…", menu="Discovery", group="features",
    shortcut="Shift+S", enabled=has_circuit,
)  # fmt: skip
def steer_nodes(workspace: Workspace, docks: PanelService, panel: SteeringPanel) -> None:
    """Let the model write on with the selected features, heads or MLPs changed."""
    docks.bring_to_front("steering")
    panel.steer_nodes(workspace.selected_nodes)


@command(
    "copy-traces", text="Copy the traces that are shown", menu="Edit", group="copy", shortcut="Ctrl+Shift+T"
)
def copy_traces(panel: TracesPanel) -> None:
    """Copy the table behind the traces' page."""
    panel.copy_current_page()
