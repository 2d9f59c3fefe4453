"""What every sender writes in one forward pass, and the difference to its ablation value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from circuitviz.models.earlier_outputs import EarlierOutputs
from circuitviz.models.forward_overrides import ForwardOverrides, Hook
from circuitviz.models.model import Model
from circuitviz.models.norms import Norm


@dataclass(eq=False)
class Activations:
    """Outputs of all senders on one batch.

    The sizes of batch and time may be 1 where a value is shared, as ablation by means does. Where a block
    normalises what attention writes, ``z`` is multiplied by that normalisation's inverse scale.

    Attributes:
        embed: Token embeddings, [batch, time, d_model].
        z: Per layer TransformerLens' ``hook_z``, [batch, time, head, d_head].
        mlp: Per layer the MLP's output with its bias, [batch, time, d_model].
        logits: Logits at the answer position, [batch, vocabulary].
        first_changed_position: As ablation values, they equal the clean run at all positions before this one.
        earlier_outputs: As ablation values, what queries, keys, values and MLPs are there; empty where they
            were not kept.
    """

    embed: Tensor
    z: list[Tensor]
    mlp: list[Tensor]
    logits: Tensor | None = None
    first_changed_position: int = 0
    earlier_outputs: EarlierOutputs = field(default_factory=dict)

    def from_position(self, position: int) -> Activations:
        """Outputs from a position on; what is shared by all positions stays shared."""

        def cut(x: Tensor) -> Tensor:
            return x if x.shape[1] == 1 else x[:, position:]

        return Activations(cut(self.embed), [cut(z) for z in self.z], [cut(m) for m in self.mlp])


def record_activations(
    model: Model, tokens: Tensor, positions: Tensor, overrides: ForwardOverrides | None = None
) -> Activations:
    """Run the model without gradients and keep what its senders write.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        overrides: Replacements of modules in this pass.
    """
    outputs = Activations(torch.empty(0), [], [])
    overrides = replace(overrides or ForwardOverrides(), hooks=recording_hooks(model, outputs))
    with torch.no_grad(), model.overridden(overrides):
        outputs.logits = model.logits(tokens, positions)
    return outputs


def recording_hooks(model: Model, outputs: Activations) -> dict[str, Hook]:
    """Hooks that store every sender's output of a pass, detached.

    Args:
        model: The model.
        outputs: Where the outputs are stored; lists are appended to.

    Returns:
        Functions by hook point, for ``Model.hooks``.
    """

    def embed(x: Tensor) -> None:
        outputs.embed = x.detach()

    hooks: dict[str, Hook] = {model.embed_hook: embed}
    for layer, weights in enumerate(model.layers):
        hooks[f"blocks.{layer}.attn.hook_z"] = lambda z: outputs.z.append(z.detach())
        if weights.post_norm is not None:
            hooks[weights.post_norm_hook] = partial(_scale_last_heads, outputs.z, weights.post_norm)
        if model.shape.mlp:
            hooks[weights.mlp_out_hook] = lambda m: outputs.mlp.append(m.detach())
    return hooks


def _scale_last_heads(heads: list[Tensor], post: Norm, written: Tensor) -> None:
    heads[-1] = heads[-1] * post.inverse_scale(written.detach())


def head_output_hooks(model: Model, layer: int, receive: Callable[[int, Tensor], None]) -> dict[str, Hook]:
    """Hooks that hand over what a layer's heads write, as ``Activations.z`` has it.

    Args:
        model: The model.
        layer: The layer.
        receive: Called with the layer and its z [batch, time, head, d_head].

    Returns:
        Functions by hook point.
    """
    weights, point = model.layers[layer], f"blocks.{layer}.attn.hook_z"
    post = weights.post_norm
    if post is None:
        return {point: partial(receive, layer)}
    waiting: list[Tensor] = []  # z, until the scale of what attention writes is known

    def scale(written: Tensor) -> None:
        receive(layer, waiting.pop() * post.inverse_scale(written))

    return {point: waiting.append, weights.post_norm_hook: scale}


def compute_sender_deltas(
    model: Model, clean: Activations, ablated: Activations, out: Tensor | None = None
) -> Tensor:
    """What each sender writes minus its ablation value.

    A head's delta is its difference in ``hook_z`` times W_O: biases cancel.

    Args:
        model: The model.
        clean: Outputs of the run.
        ablated: Ablation values.
        out: Memory for the result.

    Returns:
        Deltas [senders, batch, time, d_model].
    """
    batch, time, width = clean.embed.shape
    if out is None:
        out = clean.embed.new_empty(len(model.graph.senders), batch, time, width)
    torch.sub(clean.embed, ablated.embed, out=out[0])
    if model.embed_scale != 1.0:
        out[0] *= model.embed_scale
    for layer in range(model.shape.n_layers):
        project_heads(model, layer, clean.z[layer] - ablated.z[layer], out)
        if model.shape.mlp:
            torch.sub(clean.mlp[layer], ablated.mlp[layer], out=out[mlp_row(model, layer)])
    return out


def head_rows(model: Model, layer: int) -> slice:
    """Rows of a layer's heads in a matrix of senders."""
    first = 1 + layer * (model.shape.n_heads + model.shape.mlp)
    return slice(first, first + model.shape.n_heads)


def mlp_row(model: Model, layer: int) -> int:
    """Row of a layer's MLP in a matrix of senders."""
    return 1 + layer * (model.shape.n_heads + model.shape.mlp) + model.shape.n_heads


def project_heads(model: Model, layer: int, z: Tensor, out: Tensor) -> None:
    """Multiply a layer's head outputs by W_O.

    Args:
        model: The model.
        layer: The layer.
        z: Head outputs [batch, time, head, d_head].
        out: Sender matrix [senders, batch, time, d_model], whose rows of this layer's heads are written.
    """
    rows = out[head_rows(model, layer)]
    heads, width = rows.shape[0], rows.shape[-1]
    flat = z.permute(2, 0, 1, 3).reshape(heads, -1, z.shape[-1])
    torch.bmm(flat, model.layers[layer].o, out=rows.view(heads, -1, width))
