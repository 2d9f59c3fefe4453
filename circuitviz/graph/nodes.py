"""Nodes are named as EAP-IG names them, so that files and conversations interoperate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a node is; the feature kinds share the same table as heads and MLPs."""

    INPUT = "input"
    HEAD = "head"
    MLP = "mlp"
    LOGITS = "logits"


@dataclass(frozen=True, slots=True)
class Node:
    """One component of a model: ``input``, ``a5.h3``, ``m5`` or ``logits``."""

    name: str
    kind: Kind
    layer: int | None = None
    head: int | None = None

    @property
    def depth(self) -> int:
        """Rank from the bottom: input 0, heads 2·layer+1, MLP 2·layer+2; logits are set apart."""
        if self.layer is None:
            return 0
        return 2 * self.layer + (1 if self.kind is Kind.HEAD else 2)


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides a model's graph.

    ``parallel``: attention and MLP of a block read the same residual stream (GPT-NeoX, GPT-J), so
    the MLP does not read its own layer's heads. ``mlp``: False for attention-only models.
    """

    n_layers: int
    n_heads: int
    d_model: int
    n_kv_heads: int | None = None
    parallel: bool = False
    mlp: bool = True

    @property
    def kv_heads(self) -> int:
        """Key-value heads; as many as heads where queries are not grouped."""
        return self.n_kv_heads or self.n_heads

    @property
    def grouped(self) -> bool:
        """Whether several query heads share one key-value head."""
        return self.kv_heads != self.n_heads

    @property
    def group(self) -> int:
        """Query heads per key-value head."""
        return self.n_heads // self.kv_heads
