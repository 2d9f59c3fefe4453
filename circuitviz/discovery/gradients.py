"""Gradients at every receiver from one backward pass, and edge scores from one matrix product per layer.

No input is split per receiver:

1. ``run_backward`` takes gradients where queries, keys, values and MLP inputs are computed.
2. ``add_edge_scores`` pushes them back through each head's weights and the normalisation's closed form.
3. Each layer's gradients, one row per receiver, are multiplied by the deltas of all earlier senders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.models import Model
from circuitviz.models.batching import batch_budget_bytes
from circuitviz.models.buffers import BufferPool
from circuitviz.models.earlier_outputs import EarlierOutputs
from circuitviz.models.forward_overrides import (
    ForwardOverrides,
    Hook,
    OriginalForward,
    OwnDeviceHook,
    ReplacementForward,
    merge_hooks,
)
from circuitviz.models.sender_activations import head_rows

LossFunction = Callable[[Tensor], Tensor]

PATTERN_COPIES = 3  # of each attention pattern: scores, masked scores and their softmax


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
    changes: dict[str, Hook] | None = None,
    rules: BackwardRules | None = None,
    earlier_outputs: EarlierOutputs | None = None,
) -> tuple[GradientCapture, GradientCapture]:
    """Run one forward and one backward pass.

    No gradient is computed before ``first_changed_position``: nothing later depends on it, as attention looks
    back only.

    Where the attention patterns of all layers would not fit into a batch's memory, as with long prompts, the
    backward pass computes each block anew from the stream before it: a forward pass more, for memory that
    grows with the prompt's length instead of its square.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        loss: Maps logits [batch, vocabulary] to a number.
        replace_embedding: May replace the embedding.
        extra_hooks: Further hooks of the pass, each called once.
        first_changed_position: Position from which gradients are computed.
        at_sender_outputs: Whether gradients at ``GradientCapture.sender_outputs`` are wanted, too.
        extra_tensors: A list that ``extra_hooks`` fills with further tensors; their gradients are in
            ``GradientCapture.extra``, and further gradients can be taken through the same pass.
        changes: Hooks that replace tensors of the pass. They may be called twice.
        rules: What the backward pass does differently.
        earlier_outputs: Outputs before ``first_changed_position`` from another pass over the same prompts.

    Returns:
        The tensors of the pass, and their gradients.
    """

    def embed(values: Tensor) -> Tensor:
        changed = replace_embedding(values) if replace_embedding is not None else None
        return (values if changed is None else changed).detach().requires_grad_()

    changes = merge_hooks({} if rules is None else rules.hooks(model), changes or {})
    hooks = merge_hooks({model.embed_hook: embed}, extra_hooks or {}, changes)
    size, earlier = pattern_bytes(model, *tokens.shape), earlier_outputs or {}
    if extra_tensors is None and size > batch_budget_bytes(*model.placement.devices):
        return _run_by_layer(
            model, tokens, positions, loss, hooks, changes, rules, first_changed_position, at_sender_outputs,
            earlier,
        )  # fmt: skip
    capture = GradientCapture(first_changed_position)
    overrides = ForwardOverrides(hooks=hooks)
    for layer in range(model.shape.n_layers):
        _capture_layer(model, layer, capture, overrides, rules, earlier)
    overrides.hooks = merge_hooks(overrides.hooks, {"ln_final.hook_in": capture.resid_final.append})
    ruled_layers = nullcontext() if rules is None else rules.inside_layers(model)
    middle, of_middle = _observe_middle(model, range(model.shape.n_layers) if at_sender_outputs else ())
    with torch.enable_grad(), model.hooks(of_middle), model.overridden(overrides), ruled_layers:
        value = loss(model.logits(tokens, positions))
        tensors = [*capture.q, *capture.k, *capture.v, *capture.mlp, *capture.resid_final]
        if at_sender_outputs:
            tensors += _sender_outputs(capture, middle)
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
        sender_outputs=[
            gradient.to(model.device) for gradient in all_gradients[3 * layers + n_mlps + 1 : n_without_extra]
        ],
        extra=list(all_gradients[n_without_extra:]),
    )
    return capture, gradients


def pattern_bytes(model: Model, batch: int, time: int) -> int:
    """Bytes that autograd keeps of the attention patterns of all layers, for prompts of ``time`` tokens."""
    per_layer = PATTERN_COPIES * batch * model.shape.n_heads * time * time
    return int(model.shape.n_layers * per_layer * model.empty_stream.element_size())


def _run_by_layer(
    model: Model,
    tokens: Tensor,
    positions: Tensor,
    loss: LossFunction,
    hooks: dict[str, Hook],
    changes: dict[str, Hook],
    rules: BackwardRules | None,
    first_changed_position: int,
    at_sender_outputs: bool,
    earlier: EarlierOutputs,
) -> tuple[GradientCapture, GradientCapture]:
    """``run_backward`` with the graph of one block at a time.

    1. A pass without gradients keeps the residual stream before each block.
    2. The loss is differentiated at the last stream.
    3. From the last block to the first, the block is computed anew and its inputs' gradients are taken from
       the gradient of what it gives.
    """
    n_layers = model.shape.n_layers
    model.block_calls(tokens.shape[1])  # before the overrides are applied
    streams: list[Tensor] = []
    observers = {f"blocks.{layer}.hook_in": streams.append for layer in range(n_layers)}
    with torch.no_grad(), model.hooks(merge_hooks(hooks, observers, {"ln_final.hook_in": streams.append})):
        model.logits(tokens, positions)
    capture, gradients = GradientCapture(first_changed_position), GradientCapture(first_changed_position)
    of_final = {name: hook for name, hook in changes.items() if name.startswith("ln_final.")}
    with torch.enable_grad(), model.hooks(of_final):
        final = streams.pop().detach().requires_grad_()
        rows = torch.arange(len(tokens), device=tokens.device)
        (gradient,) = torch.autograd.grad(loss(model.unembed(final[rows, positions])), [final])
    capture.resid_final, gradients.resid_final = [final], [gradient]
    sender_gradients = [gradient]
    for layer in reversed(range(n_layers)):
        prefix = f"blocks.{layer}."
        overrides = ForwardOverrides(hooks={n: hook for n, hook in changes.items() if n.startswith(prefix)})
        block = GradientCapture(first_changed_position)
        _capture_layer(model, layer, block, overrides, rules, earlier)
        ruled_layers = nullcontext() if rules is None else rules.inside_layers(model)
        middle, of_middle = _observe_middle(model, (layer,) if at_sender_outputs else ())
        with torch.enable_grad(), model.hooks(of_middle), model.overridden(overrides), ruled_layers:
            output = model.block_output(layer, streams.pop().detach().requires_grad_())
            wanted = [*block.q, *block.k, *block.v, *block.resid_pre, *block.mlp, *middle]
            q, k, v, gradient, *others = torch.autograd.grad(
                output, wanted, gradient, allow_unused=True, materialize_grads=True
            )
        n_mlps = len(block.mlp)
        sender_gradients += [*(at_middle.to(model.device) for at_middle in others[n_mlps:]), gradient]
        block_gradients = GradientCapture(q=[q], k=[k], v=[v], mlp=others[:n_mlps])
        for whole, part in ((capture, block), (gradients, block_gradients)):
            for name in ("q", "k", "v", "mlp", "resid_pre", "resid_mid"):
                setattr(whole, name, [x.detach() for x in getattr(part, name)] + getattr(whole, name))
    if at_sender_outputs:
        gradients.sender_outputs = sender_gradients[::-1]
    return capture, gradients


def _capture_layer(
    model: Model,
    layer: int,
    capture: GradientCapture,
    overrides: ForwardOverrides,
    rules: BackwardRules | None,
    earlier: EarlierOutputs,
) -> None:
    """Add what keeps a layer's tensors to the overrides of a pass."""
    first_position = capture.first_changed_position
    observers: dict[str, Hook] = {f"blocks.{layer}.hook_in": capture.resid_pre.append}
    for channel in "qkv":
        change = None if rules is None else rules.after_projection(channel)
        overrides.projections[layer, channel] = partial(
            _grad_from, first_position, getattr(capture, channel), None, change, earlier.get((layer, channel))
        )
    if model.shape.mlp:
        observers[model.layers[layer].mlp_in_hook] = capture.resid_mid.append
        run_mlp = partial(_grad_from, first_position, None, capture.mlp, None, earlier.get((layer, "mlp")))
        overrides.mlps[layer] = (
            run_mlp if rules is None else partial(_follow_rules, rules, model, layer, run_mlp)
        )
    overrides.hooks = merge_hooks(observers, overrides.hooks)


def _observe_middle(model: Model, layers: Iterable[int]) -> tuple[list[Tensor], dict[str, Hook]]:
    """A list that a pass fills with the streams after attention in sequential blocks, and its hooks."""
    streams: list[Tensor] = []
    if model.shape.parallel or not model.shape.mlp:
        return streams, {}
    return streams, {model.layers[layer].mlp_in_hook: OwnDeviceHook(streams.append) for layer in layers}


def _sender_outputs(capture: GradientCapture, middle: list[Tensor]) -> list[Tensor]:
    block_outputs = [*capture.resid_pre, *capture.resid_final]
    if not middle:
        return block_outputs
    pairs = zip(middle, block_outputs[1:], strict=True)
    return [block_outputs[0], *(tensor for pair in pairs for tensor in pair)]


def _follow_rules(
    rules: BackwardRules,
    model: Model,
    layer: int,
    run: ReplacementForward,
    original: OriginalForward,
    x: Tensor,
) -> Tensor:
    """An MLP whose backward pass follows rules."""
    mlp = model.layers[layer].mlp
    assert mlp is not None
    with rules.inside_mlp(mlp.activations):
        return run(original, x)


def _grad_from(
    first_position: int,
    outputs: list[Tensor] | None,
    inputs: list[Tensor] | None,
    change: Callable[[Tensor], Tensor] | None,
    earlier_output: Tensor | None,
    original: OriginalForward,
    x: Tensor,
) -> Tensor:
    """A module on all positions, differentiated only from a position on; the later part is kept.

    ``change`` is applied to its output after that. The earlier part is computed where it is not given.

    Its input is a tensor of its own: in parallel blocks that share one normalisation (GPT-J, Phi, Falcon),
    attention reads ``x``, too, and its gradient is not the MLP's.
    """
    later_input = x[:, first_position:].contiguous() if first_position else x.view_as(x)
    output = original(later_input)
    for captured, value in ((outputs, output), (inputs, later_input)):
        if captured is not None:
            captured.append(value)
    if change is not None:
        output = change(output)
    if not first_position:
        return output
    if earlier_output is None:
        with torch.no_grad():
            earlier_output = original(x[:, :first_position].contiguous())
    return torch.cat([earlier_output, output], 1)


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
    are_scales_constant: bool = False,
) -> None:
    """Add ``weight`` · Σ over prompts and positions of (z_u − a_u) · ∂L/∂x_v to ``scores``.

    Args:
        model: The model.
        deltas: z_u − a_u of all senders.
        capture: Tensors of the pass.
        gradients: Their gradients.
        scores: Accumulated in place, float64 [senders, receivers of the model]; where deltas are in the order
            of spans, each span has a sum of its own, [spans, senders, receivers].
        weight: Factor of this pass.
        buffers: Memory that successive calls share.
        senders_before: Where senders are not the model's own, how many come before each layer's attention and
            MLP.
        are_scales_constant: Whether the scales of normalisations are constants.
    """
    shape, columns = model.shape, model.graph.receiver_index
    first_position, values = deltas.first_changed_position, deltas.values
    values, width = values.flatten(1, 2), values.shape[-1]  # [senders, tokens, d_model]
    order = deltas.span_tokens
    tables = scores[None] if order is None else scores
    parts = [slice(None)] if order is None else order.parts
    max_receivers = shape.n_heads + 2 * shape.kv_heads + 1
    received = buffers.buffer("received", values, max_receivers, values.shape[1], width)

    def arrange(tensor: Tensor) -> Tensor:
        return tensor if order is None else order.arrange(tensor)

    def add(n_senders: int, column: int | slice, gradient: Tensor) -> None:
        """Products of the first senders' deltas with gradients [(receivers,) tokens, d_model]."""
        for table, part in zip(tables, parts, strict=True):
            rows = gradient[..., part, :].flatten(-2)
            product = values[:n_senders, part].flatten(1) @ (rows.T if rows.ndim == 2 else rows)
            table[:n_senders, column] += weight * product.double()

    for layer in range(shape.n_layers):
        weights, rows = model.layers[layer], head_rows(model, layer)
        if senders_before is not None:
            rows = slice(*senders_before[layer])
        stream = arrange(capture.resid_pre[layer].detach()[:, first_position:])
        first_column = columns[f"a{layer}.h0<q>"]
        count = 0
        for channel in "qkv":
            projection, bias = weights.channel_weights(channel)
            target = received[count : count + len(projection)]
            projected, gradient = (
                arrange(getattr(part, channel)[layer].detach().unflatten(2, (len(projection), -1)))
                for part in (capture, gradients)
            )
            weights.attn_norm.vjp_heads(
                stream, gradient, projection, target, are_scales_constant, projected - bias
            )
            count += len(projection)
        if shape.mlp:
            assert weights.mlp_norm is not None
            pulled = weights.mlp_norm.vjp(
                arrange(capture.resid_mid[layer].detach()[:, first_position:]),
                arrange(gradients.mlp[layer]),
                are_scales_constant,
            )
            if shape.parallel:
                received[count] = pulled.flatten(0, 1)
                count += 1
            else:
                add(rows.stop, first_column + count, pulled.flatten(0, 1))
        add(rows.start, slice(first_column, first_column + count), received[:count])
    add(len(values), -1, arrange(gradients.resid_final[0][:, first_position:]).flatten(0, 1))
