"""Gradients at every receiver from one backward pass, and edge scores from one matrix product per layer.

No input is split per receiver:

1. ``run_backward`` takes gradients where queries, keys, values and MLP inputs are computed.
2. ``add_edge_scores`` pushes them back through each head's weights and the normalisation's closed form.
3. Each layer's gradients, one row per receiver, are multiplied by the deltas of all earlier senders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from circuitviz.models import Activations, Model, compute_sender_deltas
from circuitviz.models.buffers import BufferPool
from circuitviz.models.forward_overrides import ForwardOverrides, Hook, OriginalForward
from circuitviz.models.sender_activations import head_rows

LossFunction = Callable[[Tensor], Tensor]


@dataclass(eq=False)
class GradientCapture:
    """Tensors of one forward pass, or their gradients, by layer, from ``first_changed_position`` on.

    Attributes:
        first_changed_position: Position from which they are kept.
        resid_pre: The residual stream that attention reads.
        resid_mid: The residual stream that the MLP reads.
        q: Queries.
        k: Keys.
        v: Values.
        mlp: Inputs of MLPs.
        resid_final: The last residual stream.
        sender_outputs: The stream after each place that a sender writes to: the embedding, then per layer its
            attention (in sequential blocks) and its block.
        extra: Further tensors that hooks of the pass keep.
    """

    first_changed_position: int = 0
    resid_pre: list[Tensor] = field(default_factory=list)
    resid_mid: list[Tensor] = field(default_factory=list)
    q: list[Tensor] = field(default_factory=list)
    k: list[Tensor] = field(default_factory=list)
    v: list[Tensor] = field(default_factory=list)
    mlp: list[Tensor] = field(default_factory=list)
    resid_final: list[Tensor] = field(default_factory=list)
    sender_outputs: list[Tensor] = field(default_factory=list)
    extra: list[Tensor] = field(default_factory=list)


def run_backward(
    model: Model,
    tokens: Tensor,
    positions: Tensor,
    loss: LossFunction,
    replace_embedding: Hook | None = None,
    extra_hooks: dict[str, Hook] | None = None,
    first_changed_position: int = 0,
    at_sender_outputs: bool = False,
    extra_tensors: list[Tensor] | None = None,
) -> tuple[GradientCapture, GradientCapture]:
    """Run one forward and one backward pass.

    No gradient is computed before ``first_changed_position``: nothing later depends on it, as attention looks
    back only.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        loss: Maps logits [batch, vocabulary] to a number.
        replace_embedding: May replace the embedding.
        extra_hooks: Further hooks of the pass.
        first_changed_position: Position from which gradients are computed.
        at_sender_outputs: Whether gradients at ``GradientCapture.sender_outputs`` are wanted, too.
        extra_tensors: A list that ``extra_hooks`` fills with further tensors; their gradients are in
            ``GradientCapture.extra``, and further gradients can be taken through the same pass.

    Returns:
        The tensors of the pass, and their gradients.
    """
    capture = GradientCapture(first_changed_position)

    def embed(values: Tensor) -> Tensor:
        changed = replace_embedding(values) if replace_embedding is not None else None
        return (values if changed is None else changed).detach().requires_grad_()

    overrides = ForwardOverrides(
        hooks={model.embed_hook: embed, "ln_final.hook_in": capture.resid_final.append}
    )
    for layer in range(model.shape.n_layers):
        block = f"blocks.{layer}"
        overrides.hooks[f"{block}.hook_in"] = capture.resid_pre.append
        for channel in "qkv":
            overrides.projections[layer, channel] = partial(
                _grad_from, first_changed_position, getattr(capture, channel), None
            )
        if model.shape.mlp:
            overrides.hooks[model.layers[layer].mlp_in_hook] = capture.resid_mid.append
            overrides.mlps[layer] = partial(_grad_from, first_changed_position, None, capture.mlp)
    for name, hook in (extra_hooks or {}).items():
        overrides.hooks[name] = _chain_hooks(overrides.hooks[name], hook) if name in overrides.hooks else hook
    with torch.enable_grad(), model.overridden(overrides):
        value = loss(model.logits(tokens, positions))
        tensors = [*capture.q, *capture.k, *capture.v, *capture.mlp, *capture.resid_final]
        if at_sender_outputs:
            tensors += _sender_outputs(model, capture)
        n_without_extra = len(tensors)
        capture.extra = extra_tensors or []
        tensors += capture.extra
        all_gradients = torch.autograd.grad(
            value, tensors, allow_unused=True, materialize_grads=True, retain_graph=bool(extra_tensors)
        )
    layers = model.shape.n_layers
    slices = [list(all_gradients[i * layers : (i + 1) * layers]) for i in range(3)]
    other_gradients = list(all_gradients[3 * layers :])
    n_mlps = len(capture.mlp)
    gradients = GradientCapture(
        first_changed_position,
        q=slices[0],
        k=slices[1],
        v=slices[2],
        mlp=other_gradients[:n_mlps],
        resid_final=other_gradients[n_mlps : n_mlps + 1],
        sender_outputs=list(all_gradients[3 * layers + n_mlps + 1 : n_without_extra]),
        extra=list(all_gradients[n_without_extra:]),
    )
    return capture, gradients


def _sender_outputs(model: Model, capture: GradientCapture) -> list[Tensor]:
    block_outputs = [*capture.resid_pre, *capture.resid_final]
    if model.shape.parallel or not model.shape.mlp:
        return block_outputs
    pairs = zip(capture.resid_mid, block_outputs[1:], strict=True)
    return [block_outputs[0], *(tensor for pair in pairs for tensor in pair)]


def _grad_from(
    first_position: int,
    outputs: list[Tensor] | None,
    inputs: list[Tensor] | None,
    original: OriginalForward,
    x: Tensor,
) -> Tensor:
    """A module on all positions, differentiated only from a position on; the later part is kept.

    Its input is a tensor of its own: in parallel blocks that share one normalisation (GPT-J, Phi, Falcon),
    attention reads ``x``, too, and its gradient is not the MLP's.
    """
    later_input = x[:, first_position:].contiguous() if first_position else x.view_as(x)
    output = original(later_input)
    for captured, value in ((outputs, output), (inputs, later_input)):
        if captured is not None:
            captured.append(value)
    if not first_position:
        return output
    with torch.no_grad():
        earlier_output = original(x[:, :first_position].contiguous())
    return torch.cat([earlier_output, output], 1)


def _chain_hooks(hook: Hook, observer: Hook) -> Hook:
    def run_both(tensor: Tensor) -> Tensor | None:
        observer(tensor)
        return hook(tensor)

    return run_both


@dataclass(frozen=True, eq=False)
class ActivationDeltas:
    """What senders write minus their ablation values, from the first position that differs on.

    Before ``first_changed_position`` every delta is zero, so nothing there can score: with interchange
    ablation that is all up to the first corrupted token.

    Attributes:
        first_changed_position: Position from which deltas are kept.
        values: [senders, batch, time − first_changed_position, d_model].
    """

    first_changed_position: int
    values: Tensor

    @staticmethod
    def from_activations(
        model: Model, clean: Activations, ablated: Activations, buffers: BufferPool
    ) -> ActivationDeltas:
        """Clean outputs minus ablation values, in memory that ``buffers`` reuses from call to call."""
        first_position = ablated.first_changed_position
        later = clean.from_position(first_position)
        buffer = buffers.buffer("deltas", later.embed, len(model.graph.senders), *later.embed.shape)
        return ActivationDeltas(
            first_position, compute_sender_deltas(model, later, ablated.from_position(first_position), buffer)
        )


@torch.no_grad()
def add_edge_scores(
    model: Model,
    deltas: ActivationDeltas,
    capture: GradientCapture,
    gradients: GradientCapture,
    scores: Tensor,
    weight: float,
    buffers: BufferPool,
    senders_before: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Add ``weight`` · Σ over prompts and positions of (z_u − a_u) · ∂L/∂x_v to ``scores``.

    Args:
        model: The model.
        deltas: z_u − a_u of all senders.
        capture: Tensors of the pass.
        gradients: Their gradients.
        scores: Accumulated in place, float64 [senders, receivers of the model].
        weight: Factor of this pass.
        buffers: Memory that successive calls share.
        senders_before: Where senders are not the model's own, how many come before each layer's attention and
            MLP.
    """
    shape, columns = model.shape, model.graph.receiver_index
    first_position, values = deltas.first_changed_position, deltas.values
    flat = values.view(len(values), -1)
    batch, time, width = values.shape[1:]
    max_receivers = shape.n_heads + 2 * shape.kv_heads + 1
    received = buffers.buffer("received", values, max_receivers, batch * time, width)
    for layer in range(shape.n_layers):
        weights, rows = model.layers[layer], head_rows(model, layer)
        if senders_before is not None:
            rows = slice(*senders_before[layer])
        stream = capture.resid_pre[layer].detach()[:, first_position:]
        first_column = columns[f"a{layer}.h0<q>"]
        count = 0
        for gradient, projection in (
            (gradients.q[layer], weights.q),
            (gradients.k[layer], weights.k),
            (gradients.v[layer], weights.v),
        ):
            target = received[count : count + len(projection)]
            heads = gradient.view(*gradient.shape[:2], len(projection), -1)
            weights.attn_norm.vjp_heads(stream, heads, projection, target)
            count += len(projection)
        if shape.mlp:
            assert weights.mlp_norm is not None
            pulled = weights.mlp_norm.vjp(
                capture.resid_mid[layer].detach()[:, first_position:], gradients.mlp[layer]
            )
            if shape.parallel:
                received[count] = pulled.view(batch * time, width)
                count += 1
            else:
                product = flat[: rows.stop] @ pulled.reshape(-1)
                scores[: rows.stop, first_column + count] += weight * product.double()
        product = flat[: rows.start] @ received[:count].view(count, -1).T
        scores[: rows.start, first_column : first_column + count] += weight * product.double()
    scores[:, -1] += weight * (flat @ gradients.resid_final[0][:, first_position:].reshape(-1)).double()
