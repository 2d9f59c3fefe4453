"""What each sender writes minus its ablation value, computed only for senders that are read.

A circuit of a few hundred edges reads a few dozen of a model's senders; multiplying every head of every layer
by W_O would cost more than the forward pass itself.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.models.buffers import BufferPool
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations, head_rows, mlp_row


class SenderDeltas:
    """Deltas of the senders of one pass, [senders, batch, time − first_changed_position, d_model].

    A pass over several copies of a batch has the copies' prompts one after another.

    Args:
        model: The model.
        ablated: Ablation values of all senders.
        first_changed_position: Position from which deltas are stored.
        first_sender: Row of the first sender that is stored.
        copies: How often the batch, and so each ablation value, is repeated.
        buffers: Memory that successive passes share.
    """

    def __init__(
        self,
        model: Model,
        ablated: Activations,
        first_changed_position: int,
        first_sender: int = 0,
        copies: int = 1,
        buffers: BufferPool | None = None,
    ) -> None:
        self.first_sender = first_sender
        self._buffers = buffers or BufferPool()
        self._model, self._ablated = model, ablated
        self._first_changed_position, self._copies = first_changed_position, copies
        self._n_senders = len(model.graph.senders)
        self._is_computed = np.zeros(self._n_senders, dtype=bool)
        self._values: Tensor | None = None
        self._outputs: dict[str, Tensor] = {}

    def put_embed(self, embed: Tensor) -> None:
        """Store the token embeddings [batch, time, d_model] of the pass."""
        delta = self._delta(embed, self._ablated.embed)
        scale = self._model.embed_scale
        self._store("embed", delta if scale == 1.0 else delta * scale, slice(0, 1))

    def put_heads(self, layer: int, z: Tensor) -> None:
        """Store a layer's head outputs [batch, time, head, d_head].

        Where the block has a post-normalisation, they are multiplied by its inverse scale.
        """
        self._store(f"z{layer}", self._delta(z, self._ablated.z[layer]), head_rows(self._model, layer))

    def put_mlp(self, layer: int, output: Tensor) -> None:
        """Store a layer's MLP output [batch, time, d_model]."""
        row = mlp_row(self._model, layer)
        self._store(f"m{layer}", self._delta(output, self._ablated.mlp[layer]), slice(row, row + 1))

    def select(
        self, rows: NDArray[np.intp], index: Tensor | None = None, tokens: Tensor | None = None
    ) -> Tensor:
        """Deltas of chosen senders.

        Args:
            rows: Rows of senders, ascending.
            index: ``rows − first_sender`` on the device, where it is there already.
            tokens: Numbers of the tokens of [batch, time − first_changed_position] that are wanted; all where
                not given.

        Returns:
            [len(rows), batch, time − first_changed_position, d_model], or [len(rows), len(tokens), d_model].
        """
        self._compute(rows)
        assert self._values is not None
        if len(rows) == rows[-1] - rows[0] + 1:  # contiguous rows need no copy
            values = self._values[rows[0] - self.first_sender : rows[-1] + 1 - self.first_sender]
            return values if tokens is None else values.flatten(1, 2).index_select(1, tokens)
        if index is None:
            index = torch.from_numpy(rows - self.first_sender).to(self._values.device)
        if tokens is not None:
            return self._values.flatten(1, 2)[index[:, None], tokens]
        return self._values.index_select(0, index)

    def _delta(self, clean: Tensor, ablated: Tensor) -> Tensor:
        clean = clean[:, self._first_changed_position :]
        if ablated.shape[1] > 1:
            ablated = ablated[:, self._first_changed_position :]
        if self._copies > 1 and ablated.shape[0] > 1:
            split = clean.view(self._copies, -1, *clean.shape[1:])
            return (split - ablated[None]).view_as(clean)
        return clean - ablated

    def _store(self, name: str, value: Tensor, rows: slice) -> None:
        self._outputs[name] = value
        self._is_computed[rows] = False

    def _compute(self, rows: NDArray[np.intp]) -> None:
        missing = rows[~self._is_computed[rows]]
        if not len(missing):
            return
        shape, model = self._model.shape, self._model
        if self._values is None:
            like = next(v for v in self._outputs.values())
            sizes = (self._n_senders - self.first_sender, *like.shape[:2], shape.d_model)
            self._values = self._buffers.buffer("rows", like, *sizes)
        self._is_computed[missing] = True
        if missing[0] == 0:
            self._values[0] = self._outputs["embed"]
            missing = missing[1:]
        block = shape.n_heads + shape.mlp
        for layer in np.unique((missing - 1) // block):
            inside = missing[(missing - 1) // block == layer]
            start = head_rows(model, int(layer)).start
            if shape.mlp and inside[-1] == start + shape.n_heads:
                self._values[inside[-1] - self.first_sender] = self._outputs[f"m{layer}"]
                inside = inside[:-1]
            if len(inside) and self._values.device.type != "cpu":
                # all heads of the layer: to choose some, an index would be copied to the device
                inside = np.arange(start, start + shape.n_heads)
                self._is_computed[inside] = True
            if len(inside):
                self._compute_heads(int(layer), inside, inside - start)

    def _compute_heads(self, layer: int, rows: NDArray[np.intp], heads: NDArray[np.intp]) -> None:
        assert self._values is not None
        z, o = self._outputs[f"z{layer}"], self._model.layers[layer].o
        if len(heads) < len(o):
            index = torch.from_numpy(heads).to(z.device)
            z, o = z[:, :, index], o[index]
        flat = z.permute(2, 0, 1, 3).reshape(len(heads), -1, z.shape[-1])
        if rows[-1] - rows[0] + 1 == len(rows):
            target = self._values[rows[0] - self.first_sender : rows[-1] + 1 - self.first_sender]
            torch.bmm(flat, o, out=target.view(len(rows), -1, target.shape[-1]))
        else:
            written = torch.bmm(flat, o).view(len(rows), *self._values.shape[1:])
            self._values[torch.from_numpy(rows - self.first_sender).to(z.device)] = written
