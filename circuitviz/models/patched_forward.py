"""One patched pass from a layer on, over one or several copies of a batch.

Each receiver's input is the sum that its circuit gives it. It can be written in two ways, of which the
shorter is computed:

- the fully ablated run's input plus the deltas of the senders that are in the circuit, or
- this run's own residual stream minus the deltas of the senders that are not.

A receiver that reads every sender needs no sum: it reads the stream. One that reads none has its output of
the fully ablated run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.graph import BoolMatrix
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.buffers import BufferPool
from circuitviz.models.earlier_outputs import join_earlier_output
from circuitviz.models.forward_overrides import ForwardOverrides, Hook, OriginalForward
from circuitviz.models.fully_ablated import FullyAblatedRun
from circuitviz.models.model import Model
from circuitviz.models.pass_plan import PassPlan, SumPlan, VariedReceiver
from circuitviz.models.sender_deltas import SenderDeltas


@dataclass(eq=False)
class RunState:
    """What passes over one batch share: inputs, and tensors of the last pass to restart from.

    Attributes:
        model: The model.
        positions: The answer position of each prompt [batch].
        first_changed_position: Position before which nothing differs from the clean run.
        fully_ablated: The run with every edge ablated.
        deltas: Deltas of all senders in the last pass.
        buffers: Memory that passes share.
        resid_pre: The stream before each block [batch, time, d_model].
        resid_mid: The stream before each MLP of a sequential block [batch, time, d_model].
        resid_final: The last stream [batch, time, d_model].
        answer_residual: The last stream at the answer position [batch, d_model].
        projections: Queries, keys and values by (layer, channel) [batch, time, heads · d_head].
        span_indices: The span of each token [batch, time], −1 in padding, where edges are by span.
    """

    model: Model
    positions: Tensor
    first_changed_position: int
    fully_ablated: FullyAblatedRun
    deltas: SenderDeltas
    buffers: BufferPool = field(default_factory=BufferPool)
    resid_pre: list[Tensor] = field(default_factory=list)
    resid_mid: list[Tensor] = field(default_factory=list)
    resid_final: Tensor = field(default_factory=lambda: torch.empty(0))
    answer_residual: Tensor = field(default_factory=lambda: torch.empty(0))
    projections: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    span_indices: NDArray[np.intp] | None = None


class PatchedForward:
    """Overrides that give every receiver from a layer on the input of its circuit.

    Args:
        run: The run that this pass belongs to.
        edges: Edges of the circuit, bool [senders, receivers], or [senders, receivers, spans].
        start_layer: The first layer that runs.
        deltas: Deltas of this pass's own senders; senders before ``deltas.first_sender`` are those of the
            run.
        copies: How many copies of the batch the pass has, one after another.
        varied_receiver: The receiver whose edges differ from copy to copy.
        cache_into: The run in which streams and projections are stored for later passes to restart from.
        interventions: What some nodes write instead of their own output.
    """

    def __init__(
        self,
        run: RunState,
        edges: BoolMatrix,
        start_layer: int,
        deltas: SenderDeltas,
        copies: int = 1,
        varied_receiver: VariedReceiver | None = None,
        cache_into: RunState | None = None,
        interventions: BatchInterventions | None = None,
    ) -> None:
        self.run, self.model = run, run.model
        self.start_layer, self.deltas = start_layer, deltas
        self.copies, self.varied_receiver, self.cache_into = copies, varied_receiver, cache_into
        self.interventions = interventions
        spans = None if run.span_indices is None else run.span_indices[:, run.first_changed_position :]
        self.plan = PassPlan(
            self.model, edges, start_layer, deltas.first_sender, copies, varied_receiver, spans
        )
        self.resid_pre = self.resid_mid = self.z = torch.empty(0)
        self.head_inputs: tuple[int, Tensor] = (-1, torch.empty(0))

    def overrides(self) -> ForwardOverrides:
        """The overrides of all layers from ``start_layer`` on."""
        model, shape = self.model, self.model.shape
        overrides = ForwardOverrides(
            final_residual=self.final_residual, on_final_residual=self._on_resid_final
        )
        for layer in range(self.start_layer, shape.n_layers):
            weights, block = model.layers[layer], f"blocks.{layer}"
            overrides.hooks[f"{block}.hook_in"] = self._on_resid_pre
            for channel in "qkv":
                overrides.projections[layer, channel] = partial(self._project_channel, layer, channel)
            overrides.hooks[f"{block}.attn.hook_z"] = self._heads_hook(layer)
            if weights.post_norm is not None:
                overrides.hooks[weights.post_norm_hook] = self._normalised_heads_hook(layer)
            if shape.mlp:
                if not shape.parallel:
                    overrides.hooks[weights.mlp_in_hook] = self._on_resid_mid
                overrides.mlps[layer] = partial(self._run_mlp, layer)
                overrides.hooks[weights.mlp_out_hook] = partial(self._on_mlp_output, layer)
        return overrides

    def repeat_for_copies(self, values: Tensor) -> Tensor:
        """Values of one batch [batch, ...] repeated for every copy [copies · batch, ...]."""
        if self.copies == 1:
            return values
        return values.expand(self.copies, *values.shape).flatten(0, 1)

    def final_residual(self, answer_residual: Tensor) -> Tensor:
        """What ``logits`` reads [batch, d_model], from the stream at the answer position."""
        if self.cache_into is not None:
            self.cache_into.answer_residual = answer_residual
        plan = self.plan.logits
        if plan.reads_all:
            return answer_residual
        positions = self.run.positions - self.run.first_changed_position
        base = self.repeat_for_copies(self.run.fully_ablated.resid_final)
        return base if plan.sum is None else self._sum_inputs(plan.sum, answer_residual, base, positions)[0]

    # Inputs of receivers

    def _sum_inputs(
        self, plan: SumPlan, stream: Tensor, base: Tensor, positions: Tensor | None = None
    ) -> Tensor:
        """Inputs of receivers from the shorter of the two sums.

        Args:
            plan: What is summed.
            stream: This run's stream [copies · batch, positions, d_model], or [copies · batch, d_model] with
                ``positions``.
            base: The fully ablated run's stream, of the same shape.
            positions: The one position of each prompt that is wanted.

        Returns:
            [receivers, copies · batch, ...].
        """
        out = self._sum_bases(plan, stream, base)
        for term in plan.terms:
            source, copies = (self.run.deltas, 1) if term.is_of_run else (self.deltas, self.copies)
            tokens = self.plan.array(term.tokens)
            values = source.select(term.rows, self.plan.array(term.index), tokens)
            if positions is not None:
                places = positions.repeat(copies)
                values = values[:, torch.arange(len(places), device=places.device), places]
            factors = self.plan.arrays[term.factors].to(values)
            if tokens is not None:
                product = (factors @ values.flatten(1)).view(len(factors), *values.shape[1:])
                if plan.is_varied or copies == self.copies:
                    out.view(len(factors), -1, out.shape[-1]).index_add_(1, tokens, product)
                else:
                    of_copies = out.view(len(out), self.copies, -1, out.shape[-1])
                    of_copies.index_add_(2, tokens, product[:, None].expand(-1, self.copies, -1, -1))
            elif plan.is_varied or copies == self.copies:  # in place: no second tensor of that size
                out.view(len(factors), -1).addmm_(factors, values.flatten(1))
            else:  # the run's own senders, the same for all copies
                product = factors @ values.flatten(1)
                shape = (len(out), 1, values.shape[1], *out.shape[2:])
                out.view(len(out), self.copies, -1, *out.shape[2:]).add_(product.view(shape))
        return out

    def _sum_bases(self, plan: SumPlan, stream: Tensor, base: Tensor) -> Tensor:
        """What the sums start from, [receivers, copies · batch, ...].

        A buffer, to be read before the next sum.
        """
        out = self.run.buffers.buffer("sum", base, len(plan.dense), *base.shape)
        is_dense = self.plan.array(plan.is_dense)
        if is_dense is None:
            return out.copy_(stream if plan.dense.all() else base)
        if plan.dense.shape[2] > 1:  # of each token
            if is_dense.shape[1] < len(base):
                is_dense = is_dense.repeat(1, self.copies, 1)
            return torch.where(is_dense[..., None], stream[None], base[None], out=out)
        is_dense = is_dense.repeat_interleave(len(base) // plan.dense.shape[1], dim=1)
        is_dense = is_dense.view(*is_dense.shape[:2], *[1] * (base.dim() - 1))
        return torch.where(is_dense, stream[None], base[None], out=out)

    # Replacements of projections and MLPs

    def _project_channel(self, layer: int, channel: str, original: OriginalForward, x: Tensor) -> Tensor:
        """Queries, keys or values: the model's own, the fully ablated run's, or from a sum, head by head."""
        plan = self.plan.layers[layer].channels[channel]
        if (
            self.varied_receiver is not None and layer == self.start_layer
        ):  # all other heads do the same as in the run
            out = self.repeat_for_copies(self.run.projections[layer, channel]).clone()
        else:
            constant = self.run.fully_ablated.projections[layer, channel]
            if plan.has_complete_heads:
                earlier = constant[:, : self.run.first_changed_position]
                out = join_earlier_output(self.repeat_for_copies(earlier), original, x)
            else:
                out = self.repeat_for_copies(constant).clone()
            index = self.plan.array(plan.ablated_heads)
            if index is not None:
                fixed = constant.view(*constant.shape[:2], plan.n_heads, -1)[:, :, index]
                out.view(*out.shape[:2], plan.n_heads, -1)[:, :, index] = self.repeat_for_copies(fixed)
        index = self.plan.array(plan.summed_heads)
        if index is not None:
            inputs = self._summed_head_inputs(layer)[plan.inputs]
            weights, bias = self.model.layers[layer].channel_weights(channel)
            norm = self.model.layers[layer].attn_norm
            if not plan.sums_every_head:
                weights, bias = weights[index], bias[index]
            projected = norm.project(inputs.flatten(1, 2), weights, bias)
            projected = projected.view(*inputs.shape[:3], -1).permute(1, 2, 0, 3)
            later = out.view(*out.shape[:2], plan.n_heads, -1)[:, self.run.first_changed_position :]
            if plan.sums_every_head:
                later.copy_(projected)
            else:
                later[:, :, index] = projected
        if self.cache_into is not None:
            self.cache_into.projections[layer, channel] = out
        return out

    def _summed_head_inputs(self, layer: int) -> Tensor:
        """Inputs of a layer's heads that read some but not all senders, of all three channels in one sum.

        Returns:
            [heads, copies · batch, position, d_model].
        """
        plan = self.plan.layers[layer].head_inputs
        if self.head_inputs[0] != layer:
            assert plan is not None
            base = self.run.fully_ablated.resid_pre[layer]
            self.head_inputs = (layer, self._inputs_after_change(plan, self.resid_pre, base))
        return self.head_inputs[1]

    def _inputs_after_change(self, plan: SumPlan, stream: Tensor, base: Tensor) -> Tensor:
        first_position = self.run.first_changed_position
        return self._sum_inputs(
            plan, stream[:, first_position:], self.repeat_for_copies(base[:, first_position:])
        )

    def _run_mlp(self, layer: int, original: OriginalForward, x: Tensor) -> Tensor:
        """The MLP on what it reads, computed only where it can differ from the fully ablated run."""
        plan = self.plan.layers[layer].mlp
        assert plan is not None
        first_position, constant = self.run.first_changed_position, self.run.fully_ablated.mlps[layer]
        if plan.reads_none:
            return self.repeat_for_copies(constant)
        inputs = x[:, first_position:]
        if plan.sum is not None:
            stream = self.resid_pre if self.model.shape.parallel else self.resid_mid
            summed = self._inputs_after_change(plan.sum, stream, self.run.fully_ablated.resid_mid[layer])[0]
            norm = self.model.layers[layer].mlp_norm
            assert norm is not None
            inputs = norm(summed)
        out = original(inputs.contiguous())
        return (
            torch.cat([self.repeat_for_copies(constant[:, :first_position]), out], 1)
            if first_position
            else out
        )

    # Hooks that store what senders write, and what later passes restart from

    def _on_resid_pre(self, stream: Tensor) -> None:
        self.resid_pre = stream
        if self.cache_into is not None:
            self.cache_into.resid_pre.append(stream)

    def _on_resid_final(self, stream: Tensor) -> None:
        if self.cache_into is not None:
            self.cache_into.resid_final = stream

    def _on_resid_mid(self, stream: Tensor) -> None:
        self.resid_mid = stream
        if self.cache_into is not None:
            self.cache_into.resid_mid.append(stream)

    def _heads_hook(self, layer: int) -> Hook:
        def heads(z: Tensor) -> Tensor | None:
            changed = None if self.interventions is None else self.interventions.replace_heads(layer, z)
            self.z = z if changed is None else changed
            if self.model.layers[layer].post_norm is None:
                self.deltas.put_heads(layer, self.z)
            return changed

        return heads

    def _on_mlp_output(self, layer: int, output: Tensor) -> Tensor | None:
        changed = None if self.interventions is None else self.interventions.replace_mlp(layer, output)
        self.deltas.put_mlp(layer, output if changed is None else changed)
        return changed

    def _normalised_heads_hook(self, layer: int) -> Hook:
        def heads(written: Tensor) -> None:
            post = self.model.layers[layer].post_norm
            assert post is not None
            self.deltas.put_heads(layer, self.z * post.inverse_scale(written))

        return heads
