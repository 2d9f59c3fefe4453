"""Nodes and model shapes. Nodes have the names that EAP-IG gives them, so that files can be exchanged.

Features, errors, tokens and biases of one prompt have a position: their names end in ``@`` and the position.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


class NodeKind(StrEnum):
    """What a node is."""

    INPUT = "input"
    HEAD = "head"
    MLP = "mlp"
    LOGITS = "logits"
    FEATURE = "feature"
    NEURON = "neuron"
    SKIP = "skip"
    ERROR = "error"
    TOKEN = "token"
    POSITION = "position"
    BIAS = "bias"

    @property
    def is_leaf(self) -> bool:
        """Whether such a node never has incoming edges."""
        return self in (NodeKind.INPUT, NodeKind.TOKEN, NodeKind.POSITION, NodeKind.ERROR, NodeKind.BIAS)

    @property
    def has_activation(self) -> bool:
        """Whether such a node has an activation of its own, times a direction that it writes."""
        return self in (NodeKind.FEATURE, NodeKind.NEURON)

    @property
    def is_fixed(self) -> bool:
        """Whether such a node is independent of the prompt's tokens, so that it cannot be ablated."""
        return self in (NodeKind.BIAS, NodeKind.POSITION)


@dataclass(frozen=True, slots=True)
class Node:
    """One component of a model, or one part of a prompt's run.

    Components: ``input``, ``a5.h3``, ``m5`` and ``logits``. Parts of a run, here at position 7: features
    ``a5.f123@7`` and ``m5.f123@7`` (of attention and of the MLP) and ``r5.f123@7`` (of the residual stream
    before layer 5), ``a5.h3@7``, ``m5@7``, ``m5.n8@7`` (a neuron), ``m5.error@7``, ``m5.skip@7``,
    ``m5.bias@7``, ``token@7``, ``position@7``, and ``logit.42@7`` for token 42. Components at a span of a
    task's prompts: ``input@S2``, ``a5.h3@END``, ``m5@IO``.

    Attributes:
        name: Unique name.
        kind: What it is.
        layer: Layer from 0; None for embeddings and logits.
        head: Number of the head in its layer; None for others.
        site: ``a`` or ``m`` where the attention or the MLP of a layer writes it, ``r`` where it is of an SAE
            of the residual stream before the layer, else empty.
        position: Token position from 0; None in graphs of a task.
        feature: Index of a feature in its dictionary, or of a neuron.
        dictionary: Name of the dictionary.
        token: Id in the vocabulary.
        span: Span of a task's prompts that it stands at (``graph.spans``); empty where it is summed.
    """

    name: str
    kind: NodeKind
    layer: int | None = None
    head: int | None = None
    site: str = ""
    position: int | None = None
    feature: int | None = None
    dictionary: str | None = None
    token: int | None = None
    span: str = ""

    @property
    def depth(self) -> float:
        """Rank from the bottom: input 0, stream 2 · layer + 0.5, attention 2 · layer + 1, MLP 2 · layer + 2.

        For logits, use ``Graph.depth``.
        """
        if self.layer is None:
            return 0
        if self.site == "r":
            return 2 * self.layer + 0.5
        return 2 * self.layer + (1 if self.kind is NodeKind.HEAD or self.site == "a" else 2)


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model that decide its graph.

    Attributes:
        n_layers: Number of layers.
        n_heads: Number of query heads per layer.
        d_model: Width of the residual stream.
        n_kv_heads: Number of key-value heads per layer; None where it equals ``n_heads``.
        parallel: Whether attention and MLP of a block read the same residual stream (GPT-NeoX, GPT-J), so
            that the MLP does not read its own layer's heads.
        mlp: False for attention-only models.
    """

    n_layers: int
    n_heads: int
    d_model: int
    n_kv_heads: int | None = None
    parallel: bool = False
    mlp: bool = True

    @property
    def kv_heads(self) -> int:
        """Number of key-value heads per layer; equals ``n_heads`` where queries are not grouped."""
        return self.n_kv_heads or self.n_heads

    @property
    def key(self) -> str:
        """The shape as text. Stored evaluations are found again by it, so it never changes."""
        values = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"Shape({values})"

    @property
    def description(self) -> str:
        """The shape as messages show it.

        >>> ModelShape(5, 8, 64, 4).description
        '5 layers, 8 heads with 4 key-value heads, width 64'
        """
        shared = f" with {self.kv_heads} key-value heads" if self.has_grouped_queries else ""
        return f"{self.n_layers} layers, {self.n_heads} heads{shared}, width {self.d_model}"

    @property
    def has_grouped_queries(self) -> bool:
        """Whether several query heads share one key-value head."""
        return self.kv_heads != self.n_heads

    @property
    def queries_per_kv_head(self) -> int:
        """Number of query heads per key-value head."""
        return self.n_heads // self.kv_heads
