"""Forward passes of one batch with edges ablated, restarted as late as possible.

One masked forward serves ablation, evaluation and exact patching. Everything before the first changed
receiver, and before the first position at which anything can differ, is kept; variants of one receiver share
all that lies before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.graph import BoolMatrix, Graph, Interventions
from circuitviz.graph.spans import END_SPAN
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.batching import batch_budget_bytes
from circuitviz.models.fully_ablated import run_fully_ablated
from circuitviz.models.model import Model
from circuitviz.models.pass_plan import VariedReceiver, present_spans
from circuitviz.models.patched_forward import PatchedForward, RunState
from circuitviz.models.sender_activations import Activations, head_rows, mlp_row
from circuitviz.models.sender_deltas import SenderDeltas


class PatchedRun(RunState):
    """Forward passes of one batch with chosen edges ablated.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        ablated: Ablation values of all senders.
        allow_interventions: Whether nodes may be replaced, so that positions before the first ablated one can
            differ.
        graph: The graph of the edges, where it has spans; the model's by default.
        span_indices: The span of each token [batch, time], −1 in padding, where it has.
    """

    def __init__(
        self,
        model: Model,
        tokens: Tensor,
        positions: Tensor,
        ablated: Activations,
        allow_interventions: bool = False,
        graph: Graph | None = None,
        span_indices: NDArray[np.intp] | None = None,
    ) -> None:
        first = 0 if allow_interventions else min(ablated.first_changed_position, int(positions.min()))
        fully_ablated = run_fully_ablated(model, tokens, positions, ablated)
        super().__init__(model, positions, first, fully_ablated, SenderDeltas(model, ablated, first))
        self.tokens, self.ablated, self.allow_interventions = tokens, ablated, allow_interventions
        self.graph, self.span_indices = graph or model.graph, span_indices
        self.answer_residual = fully_ablated.resid_final
        self.deltas.put_embed(fully_ablated.embed)
        self.reference_activations: dict[str, Activations] = {}  # ablation values by kind, for interventions
        self._edges: BoolMatrix | None = None
        self._interventions: Interventions = {}
        self._logits = self.fully_ablated.logits
        self._layers = np.array([_receiver_layer(model, name) for name in model.graph.receivers])

    @torch.no_grad()
    def logits(self, edges: BoolMatrix, interventions: BatchInterventions | None = None) -> Tensor:
        """Logits with all edges outside a circuit ablated.

        Args:
            edges: Edges of the circuit, bool [senders, receivers] of the run's graph.
            interventions: What some nodes send along their edges instead of their own output.

        Returns:
            Logits [batch, vocabulary].
        """
        if not (edges & self.graph.mask).any():
            return self.fully_ablated.logits
        return self._run_changes(self._model_edges(edges), interventions)

    def _model_edges(self, edges: BoolMatrix) -> BoolMatrix:
        """Edges between the model's components, [senders, receivers] or [senders, receivers, spans]."""
        edges = edges & self.graph.mask
        return edges if self.graph.spans is None else self.graph.split_spans(edges)

    def span_masks(self) -> dict[str, Tensor]:
        """By span, which tokens are in it, bool [batch, time]; empty without spans."""
        if self.graph.spans is None or self.span_indices is None:
            return {}
        indices = torch.from_numpy(self.span_indices).to(self.tokens.device)
        return {name: indices == i for i, name in enumerate(self.graph.spans.names)}

    def can_change(self, receiver: int) -> bool:
        """Whether edges into a receiver make a difference; before the first changed token they do not.

        Args:
            receiver: Column of the receiver in the run's graph.
        """
        if (
            self.graph.spans is None
            or self.span_indices is None
            or self.graph.receivers[receiver] == "logits"
        ):
            return True
        spans = present_spans(self.span_indices[:, self.first_changed_position :])
        return receiver % len(self.graph.spans) in spans

    def _run_changes(self, edges: BoolMatrix, interventions: BatchInterventions | None = None) -> Tensor:
        """Run what differs from the last run, and keep it."""
        node_changes = {} if interventions is None else interventions.interventions
        if node_changes and not self.allow_interventions:
            raise ValueError("a run with interventions needs allow_interventions=True")
        start = self._first_changed_layer(edges, node_changes)
        if start is None:
            return self._logits
        self._edges = None  # an interrupted run leaves nothing to restart from
        self.model.block_calls(self.tokens.shape[1])  # before the overrides are applied
        forward = PatchedForward(
            self, edges, start, self.deltas, cache_into=self, interventions=interventions
        )
        if start == self.model.shape.n_layers:
            logits = self.model.unembed(forward.final_residual(self.answer_residual))
        else:
            stream = self.resid_pre[start] if start else self.fully_ablated.resid_start
            del self.resid_pre[start:], self.resid_mid[start:]
            logits = self.model.logits_from_layer(stream, start, self.positions, forward.overrides())
        self._edges, self._interventions, self._logits = edges.copy(), dict(node_changes), logits
        return logits

    @torch.no_grad()
    def variants(
        self,
        edges: BoolMatrix,
        receiver: int,
        columns: BoolMatrix,
        interventions: BatchInterventions | None = None,
    ) -> Iterator[tuple[range, Tensor]]:
        """Logits of circuits that differ from one another in one receiver's incoming edges only.

        Args:
            edges: Edges of the circuit, bool [senders, receivers] of the run's graph.
            receiver: Column of the receiver in that graph.
            columns: What it reads in each variant, bool [variants, senders].
            interventions: What some nodes send along their edges instead of their own output.

        Yields:
            Which variants, and their logits [variants · batch, vocabulary], in portions that fit into memory.
        """
        model, name, span = self.model, self.graph.receivers[receiver], None
        if self.graph.spans is not None:
            receiver, span = divmod(receiver, len(self.graph.spans))
            span = self.graph.spans.names.index(END_SPAN) if name == "logits" else span
            columns = columns[:, span :: len(self.graph.spans)]
        layer = int(self._layers[receiver])
        edges = self._model_edges(edges)
        self._run_changes(edges, interventions)
        first_sender = len(model.graph.senders)
        if layer < model.shape.n_layers:
            is_mlp = name.startswith("m")
            first_sender = mlp_row(model, layer) if is_mlp else head_rows(model, layer).start
        size = self.max_variants(layer)
        for first_variant in range(0, len(columns), size):
            variant_columns = columns[first_variant : first_variant + size]
            copies = len(variant_columns)
            rows = SenderDeltas(
                model, self.ablated, self.first_changed_position, first_sender, copies, self.buffers
            )
            forward = PatchedForward(
                self,
                edges,
                layer,
                rows,
                copies=copies,
                varied_receiver=VariedReceiver(receiver, variant_columns, span),
                interventions=interventions,
            )
            if layer < model.shape.n_layers:
                stream = forward.repeat_for_copies(self.resid_pre[layer])
                logits = model.logits_from_layer(
                    stream, layer, self.positions.repeat(copies), forward.overrides()
                )
            else:
                logits = model.unembed(
                    forward.final_residual(forward.repeat_for_copies(self.answer_residual))
                )
            yield range(first_variant, first_variant + copies), logits

    def max_variants(self, layer: int) -> int:
        """Number of variants that fit into memory; each has streams, projections and deltas of its own."""
        shape, batch, time = self.model.shape, *self.tokens.shape
        senders = len(self.model.graph.senders) * (shape.n_layers - layer) / shape.n_layers
        bytes_per_variant = 4 * batch * (time * shape.d_model * (12 + senders) + 2 * self._logits.shape[-1])
        return int(max(1, min(64, batch_budget_bytes(*self.model.placement.devices) / bytes_per_variant)))

    def _first_changed_layer(self, edges: BoolMatrix, interventions: Interventions) -> int | None:
        """The first layer with a receiver or an intervention that differs from the last run.

        None where nothing differs.
        """
        if self._edges is None:
            return 0
        is_changed = (self._edges != edges).any(axis=0).reshape(len(self._layers), -1).any(axis=1)
        layers = self._layers[is_changed].tolist()
        names = interventions.keys() | self._interventions.keys()
        layers += [
            self.graph.node(n).layer for n in names if interventions.get(n) != self._interventions.get(n)
        ]
        return int(min(layers)) if layers else None


def _receiver_layer(model: Model, receiver: str) -> int:
    return model.shape.n_layers if receiver == "logits" else int(receiver[1:].partition(".")[0])
