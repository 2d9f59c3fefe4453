"""One form for SAEs and transcoders of all kinds: where a feature is active, it is a linear map.

Standard, gated, top-k, batch-top-k and jumprelu differ in which features are active; an active one's
value is always gain · (input · encoder) + bias. So closed-form attribution is exact for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.processing import RAW, Processing
from circuitviz.features.sites import Site

ARCHITECTURES = (
    "standard",
    "gated",
    "topk",
    "batchtopk",
    "jumprelu",
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Features of a site, with their encoder and decoder.

    encoder: [d_in, features], memory-mapped where it was read from a file; bias: [features], with
    everything that is subtracted from the input folded in; decoder: [features, d_out], memory-mapped;
    decoder_bias: [d_out]. gain, decoder_gain [features]: factors of encoder and decoder (gated SAEs,
    and SAEs that rescale by the decoder's norm). A feature is active where its value is above 0 and, if
    they are there: its gate, input · encoder + ``gate_bias``, is above 0; its value is above
    ``threshold``; it is among the ``k`` largest of its position. skip: [d_out, d_in].

    processing: of the model it was trained on. ``about`` holds whatever else its file says.
    unexplained: the share of the variance that it leaves on some text of the open model, where that was
    measured (``fit.fitted``); misfit: a sentence where that is bad, or where the file states another
    processing than the one that fits.
    """

    name: str
    architecture: str
    site: Site
    encoder: Tensor
    bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    gain: Tensor | None = None
    gate_bias: Tensor | None = None
    threshold: Tensor | None = None
    k: int | None = None
    skip: Tensor | None = None
    decoder_gain: Tensor | None = None
    processing: Processing = RAW
    model: str | None = None
    about: dict[str, Any] = field(default_factory=dict, repr=False)
    unexplained: float | None = None
    misfit: str = ""

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise InputError(
                f"The dictionary '{self.name}' has the architecture '{self.architecture}'; "
                f"{', '.join(ARCHITECTURES)} can be used."
            )
        sizes = {"bias": self.bias, "threshold": self.threshold, "gate": self.gate_bias, "gain": self.gain}
        for what, vector in sizes.items():
            if vector is not None and vector.shape != (self.features,):
                raise InputError(
                    f"The dictionary '{self.name}' has a {what} of shape {tuple(vector.shape)} for "
                    f"{self.features:,} features."
                )
        if len(self.decoder) != self.features or self.decoder_bias.shape != (self.d_out,):
            raise InputError(
                f"The dictionary '{self.name}' has {self.features:,} features in its encoder, "
                f"{len(self.decoder):,} in its decoder of width {self.d_out}, and a decoder bias of shape "
                f"{tuple(self.decoder_bias.shape)}; they must fit together."
            )
        if self.k is not None and not 1 <= self.k <= self.features:
            raise InputError(
                f"The dictionary '{self.name}' has {self.k} features active at once and {self.features:,} in "
                "all; k is at least 1, and not more than there are."
            )
        finite = (self.encoder, self.bias, self.decoder_bias, self.gain, self.gate_bias, self.skip)
        nan = self.threshold is not None and bool(self.threshold.isnan().any())
        if nan or not all(torch.isfinite(one.sum()) for one in finite if one is not None):
            raise InputError(
                f"The dictionary '{self.name}' holds values that are not numbers (NaN or infinity); its "
                "file is damaged, or its training failed."
            )

    def __repr__(self) -> str:
        fit = "" if self.unexplained is None else f", {self.unexplained:.1%} unexplained"
        what = f"{self.features:,} features, {self.architecture} on {self.site.name}"
        return f"Dictionary({self.name}: {what}{fit})"

    @property
    def features(self) -> int:
        """How many features there are."""
        return self.encoder.shape[1]

    @property
    def d_in(self) -> int:
        """Width of what is read."""
        return self.encoder.shape[0]

    @property
    def d_out(self) -> int:
        """Width of what is written."""
        return self.decoder.shape[1]

    def linear(self, x: Tensor) -> Tensor:
        """Every feature's value before it is decided which are active: [..., d_in] → [..., features]."""
        return self._valued(self._project(x))

    def encode(self, x: Tensor) -> Tensor:
        """Feature activations, 0 where inactive: [..., d_in] → [..., features]."""
        projected = self._project(x)
        gate = None if self.gate_bias is None else projected + self.gate_bias > 0
        value = self._valued(projected)
        if self.threshold is None and self.k is None:
            value = value.relu_()
        elif self.threshold is not None:
            value = value * (value > self.threshold.clamp_min(0))
        if self.k is not None:
            chosen = value.topk(min(self.k, self.features), dim=-1).indices
            value = value.relu_() * torch.zeros_like(value).scatter_(-1, chosen, 1.0)
        return value if gate is None else value * gate

    def decode(self, activations: Tensor) -> Tensor:
        """What activations write, without a skip connection: [..., features] → [..., d_out].

        Only rows of features that are active somewhere are read from the file.
        """
        flat = activations.reshape(-1, self.features)
        used = flat.ne(0).any(0).nonzero()[:, 0]
        out = flat[:, used] @ self.decoder_rows(used) + self.decoder_bias
        return out.view(*activations.shape[:-1], self.d_out)

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the dictionary makes of an input, with its skip connection: [..., d_in] → [..., d_out]."""
        out = self.decode(self.encode(x))
        return out if self.skip is None else out + x @ self.skip.T

    def encoder_rows(self, index: Tensor) -> Tensor:
        """Encoder directions of some features, [len(index), d_in], with their gain."""
        rows = self.encoder[:, index].T
        return rows if self.gain is None else rows * self.gain[index][:, None]

    def decoder_rows(self, index: Tensor) -> Tensor:
        """Decoder directions of some features, [len(index), d_out]; InputError where one is no number."""
        rows = self.decoder[index]
        if self.decoder_gain is not None:
            rows = rows * self.decoder_gain[index][:, None]
        if not torch.isfinite(rows.sum()):
            raise InputError(
                f"The dictionary '{self.name}' holds decoder rows that are not numbers (NaN or infinity); "
                "its file is damaged, or its training failed."
            )
        return rows

    def to(self, like: Tensor) -> Dictionary:
        """The same dictionary in another tensor's dtype and on its device."""
        if self.encoder.dtype == like.dtype and self.encoder.device == like.device:
            return self
        tensors: dict[str, Any] = {k: v.to(like) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **tensors)

    def _project(self, x: Tensor) -> Tensor:
        """The product x · encoder; the encoder as rows of a product is a third faster than as its columns."""
        flat = (self.encoder.T @ x.reshape(-1, self.d_in).T).T
        return flat.reshape(*x.shape[:-1], self.features)

    def _valued(self, projected: Tensor) -> Tensor:
        """With gain and bias, in the memory of ``projected``."""
        return (projected if self.gain is None else projected.mul_(self.gain)).add_(self.bias)
