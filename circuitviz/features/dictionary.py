"""One class for SAEs and transcoders of all architectures: where a feature is active, it is a linear map.

Standard, gated, top-k, batch-top-k and JumpReLU dictionaries differ in which features are active. The value
of an active one is always gain · (input · encoder) + bias, so closed-form attribution is exact for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from circuitviz.dtypes import NO_OFFLOAD, OFFLOAD_TO_DISK
from circuitviz.errors import InputError
from circuitviz.features.matrix_blocks import are_finite, combine_rows, project
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import RAW_PROCESSING, WeightProcessing

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
    "cross_layer_transcoder",
    "topk_transcoder",
    "topk_skip_transcoder",
)
_MATRICES = ("encoder", "decoder", "later_decoder")
_HALF_DTYPES = (torch.bfloat16, torch.float16)  # in which matrices stay; all else is in that of the bias


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The features of a site, with their encoder and decoder.

    A feature is active where its value is above 0 and, where they exist: its gate, input · encoder +
    ``gate_bias``, is above 0; its value is above ``threshold``; it is among the ``k`` largest of its
    position.

    Encoder and decoder keep the precision of their file, also half precision; what is used of them is
    converted to that of the bias, in which everything is computed.

    Attributes:
        name: Its name.
        architecture: One of ``ARCHITECTURES``.
        site: Where it reads and writes.
        encoder: [d_in, features], memory-mapped where it was read from a file.
        bias: [features]; whatever is subtracted from the input is folded into it.
        decoder: [features, d_out], memory-mapped where it was read from a file.
        decoder_bias: [d_out].
        gain: Factor of each encoder direction [features] (gated SAEs, and SAEs rescaled by the decoder's
            norm).
        gate_bias: [features], of gated SAEs.
        threshold: [features], of JumpReLU SAEs.
        k: The number of features that are active at a position, of top-k SAEs.
        skip: [d_out, d_in], of skip transcoders.
        decoder_gain: Factor of each decoder direction [features].
        later_decoder: [features, later layers, d_out], of cross-layer transcoders: what each feature writes
            to the MLP outputs of the layers after its own, the next one first; ``decoder`` is its own
            layer's.
        processing: Weight processing of the model that it was trained on.
        model: Name of that model, where the file states it.
        about: Further metadata of the file.
        unexplained: The share of variance that it leaves on a little text, where that was measured.
        misfit: A sentence where that share is large, or where the file states another processing than the one
            that fits; else empty.
        is_before_post_norm: Whether what it reads or rebuilds of a layer's part is before the normalisation
            that some models have after the part.
        is_mapped: Whether encoder and decoder are read from a file where they are used.
        files: Those files, where their pages can be given back.
        offload: Where encoder and decoder are, one of ``OFFLOAD_CHOICES``.

    Raises:
        InputError: Shapes do not fit together, or a tensor in memory holds values that are not finite; what
            is in a file is checked when it is read.
    """

    name: str
    architecture: str
    site: DictionarySite
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
    later_decoder: Tensor | None = None
    processing: WeightProcessing = RAW_PROCESSING
    model: str | None = None
    about: dict[str, Any] = field(default_factory=dict, repr=False)
    unexplained: float | None = None
    misfit: str = ""
    is_before_post_norm: bool = False
    is_mapped: bool = False
    files: tuple[WeightFile, ...] = field(default=(), repr=False)
    offload: str = NO_OFFLOAD
    _on_device: Dictionary | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise InputError(
                f"The dictionary '{self.name}' has the architecture '{self.architecture}'; "
                f"{', '.join(ARCHITECTURES)} can be used."
            )
        sizes = {"bias": self.bias, "threshold": self.threshold, "gate": self.gate_bias, "gain": self.gain}
        for name, vector in sizes.items():
            if vector is not None and vector.shape != (self.features,):
                raise InputError(
                    f"The dictionary '{self.name}' has a {name} of shape {tuple(vector.shape)} for "
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
        later = self.later_decoder
        if later is not None and (
            later.ndim != 3
            or (later.shape[0], later.shape[2]) != (self.features, self.d_out)
            or not self.site.is_transcoder
            or self.skip is not None
        ):
            raise InputError(
                f"The dictionary '{self.name}' at {self.site.name} has decoders of shape "
                f"{tuple(later.shape)} to later layers; a cross-layer transcoder reads the MLP's input, has "
                f"({self.features}, later layers, {self.d_out}), and no skip connection."
            )
        tensors = [self.bias, self.decoder_bias, self.gain, self.gate_bias, self.skip]
        if not self.is_mapped:
            tensors.append(self.encoder)
        finite = [torch.isfinite(tensor.sum()) for tensor in tensors if tensor is not None]
        if self.threshold is not None:
            finite.append(~self.threshold.isnan().any())
        if not torch.stack(finite).all():
            raise self._damage("values")

    def __repr__(self) -> str:
        fit = "" if self.unexplained is None else f", {self.unexplained:.1%} unexplained"
        description = f"{self.features:,} features, {self.architecture} on {self.site.name}"
        return f"Dictionary({self.name}: {description}{fit})"

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

    @property
    def last_layer(self) -> int:
        """The last layer whose MLP output its features write to: its own, or of a cross-layer one a later."""
        return self.site.layer + (0 if self.later_decoder is None else self.later_decoder.shape[1])

    @property
    def is_on_host(self) -> bool:
        """Whether its weights are on the host, where those of a file are memory-mapped."""
        return self.decoder.device.type == "cpu"

    @property
    def bytes_by_tensor(self) -> dict[str, int]:
        """How many bytes each of its tensors takes, in memory or in a file."""
        return {
            name: tensor.numel() * tensor.element_size()
            for name, tensor in vars(self).items()
            if isinstance(tensor, Tensor)
        }

    @property
    def held_bytes(self) -> int:
        """How much of the host's memory its weights take while it is in use.

        Every prompt reads the whole encoder; of a decoder in a file, rows of active features alone.
        """
        on_disk = ("decoder", "later_decoder") if self.is_mapped else ()
        return sum(size for name, size in self.bytes_by_tensor.items() if name not in on_disk)

    def encode(self, x: Tensor) -> Tensor:
        """Return feature activations, 0 where inactive: [..., d_in] → [..., features]."""
        projected = self._project(x)
        gate = None if self.gate_bias is None else projected + self.gate_bias > 0
        value = self._scale_and_shift(projected)
        if self.threshold is None and self.k is None:
            value = value.relu_()
        elif self.threshold is not None:
            value = value * (value > self.threshold.clamp_min(0))
        if self.k is not None:
            top_features = value.topk(min(self.k, self.features), dim=-1).indices
            value = value.relu_() * torch.zeros_like(value).scatter_(-1, top_features, 1.0)
        return value if gate is None else value * gate

    def decode(self, activations: Tensor) -> Tensor:
        """Return what activations write, without a skip connection: [..., features] → [..., d_out].

        Only rows of features that are active somewhere are read from the file.
        """
        flat = activations.reshape(-1, self.features)
        if self.is_on_host:
            used = flat.ne(0).any(0).nonzero()[:, 0]
            output = flat[:, used] @ self.decoder_rows(used) + self.decoder_bias
        else:  # all rows are in memory, and the host need not wait to learn which are used
            scaled = flat if self.decoder_gain is None else flat * self.decoder_gain
            output = combine_rows(scaled, self.decoder) + self.decoder_bias
        return output.view(*activations.shape[:-1], self.d_out)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the reconstruction from an input, with the skip connection: [..., d_in] → [..., d_out]."""
        output = self.decode(self.encode(x))
        return output if self.skip is None else output + x @ self.skip.T

    def encoder_rows(self, index: Tensor) -> Tensor:
        """Return encoder directions of some features with their gain, [len(index), d_in]."""
        rows = self.encoder[:, index.to(self.encoder.device)].T.to(self.bias)
        self._release_pages()
        if self.is_on_host:
            self._check_rows(rows, "encoder rows")
        return rows if self.gain is None else rows * self.gain[index][:, None]

    def decoder_rows(self, index: Tensor) -> Tensor:
        """Return decoder directions of some features, [len(index), d_out].

        Raises:
            InputError: A row holds values that are not finite.
        """
        rows = self.decoder[index.to(self.decoder.device)].to(self.bias)
        self._release_pages()
        if self.decoder_gain is not None:
            rows = rows * self.decoder_gain[index][:, None]
        if self.is_on_host:  # elsewhere all rows were checked on the way (``to``)
            self._check_rows(rows, "decoder rows")
        return rows

    def rows_at(self, index: Tensor, layer: int) -> Tensor:
        """Return decoder directions of some features at the MLP output of a layer, [len(index), d_out].

        Args:
            index: Indices of features.
            layer: The dictionary's own layer, or a later one up to ``last_layer``.
        """
        if layer == self.site.layer:
            return self.decoder_rows(index)
        assert self.later_decoder is not None and self.site.layer < layer <= self.last_layer
        stored = self.later_decoder[:, layer - self.site.layer - 1]
        rows = stored[index.to(stored.device)].to(self.bias)
        self._release_pages()
        if self.decoder_gain is not None:
            rows = rows * self.decoder_gain[index][:, None]
        if self.is_on_host:
            self._check_rows(rows, "decoder rows")
        return rows

    def write_at(self, activations: Tensor, layer: int) -> Tensor:
        """Return what activations [..., features] write to the MLP output of a later layer, [..., d_out]."""
        flat = activations.reshape(-1, self.features)
        used = flat.ne(0).any(0).nonzero()[:, 0]
        return (flat[:, used] @ self.rows_at(used, layer)).view(*activations.shape[:-1], self.d_out)

    def _release_pages(self) -> None:
        if self.offload == OFFLOAD_TO_DISK:
            for file in self.files:
                file.release_pages()

    def _check_rows(self, rows: Tensor, what: str) -> None:
        if not torch.isfinite(rows.sum()):
            raise self._damage(what)

    def _damage(self, what: str) -> InputError:
        return InputError(
            f"The dictionary '{self.name}' holds {what} that are not numbers (NaN or infinity); its file is "
            "damaged, or its training failed."
        )

    def to(self, like: Tensor) -> Dictionary:
        """Return the same dictionary on another tensor's device, computing in its dtype.

        Where they are offloaded, encoder and decoder stay on the host. What was copied to a device is kept
        with this dictionary: it is asked for with every prompt.
        """
        for known in (self, self._on_device):
            if known and known.bias.dtype == like.dtype and known.bias.device == like.device:
                return known
        is_copied = self.bias.device.type == "cpu" and like.device.type != "cpu"
        is_moved = self.offload == NO_OFFLOAD
        if is_copied and is_moved:
            for name in _MATRICES:
                matrix = getattr(self, name)
                if matrix is not None and not are_finite(matrix.flatten(1)):
                    raise self._damage("encoder rows" if name == "encoder" else "decoder rows")
        tensors: dict[str, Any] = {
            name: tensor.to(like.device) if tensor.dtype in _HALF_DTYPES else tensor.to(like)
            for name, tensor in vars(self).items()
            if isinstance(tensor, Tensor) and (is_moved or name not in _MATRICES)
        }
        is_mapped = self.is_mapped and self.encoder is tensors.get("encoder", self.encoder)
        converted = replace(self, **tensors, is_mapped=is_mapped)
        if is_copied:
            object.__setattr__(self, "_on_device", converted)  # the class is frozen
        return converted

    def _project(self, x: Tensor) -> Tensor:
        """Return x · encoder."""
        flat = project(x.reshape(-1, self.d_in), self.encoder)
        self._release_pages()
        if self.is_mapped and self.is_on_host and not torch.isfinite(flat.sum()) and torch.isfinite(x.sum()):
            raise self._damage("encoder rows")
        return flat.reshape(*x.shape[:-1], self.features)

    def _scale_and_shift(self, projected: Tensor) -> Tensor:
        """With gain and bias, in the memory of ``projected``."""
        return (projected if self.gain is None else projected.mul_(self.gain)).add_(self.bias)


def distinct_rows(dictionary: Dictionary, item: Tensor) -> tuple[Tensor, Tensor | slice]:
    """Return the features whose rows are to be read, and where each of some features is among them.

    Each row is read once from a file; where all rows are in a device's memory, that would make the host wait.

    Args:
        dictionary: The dictionary.
        item: Indices of features [n], any of them several times.
    """
    if not dictionary.is_on_host:
        return item, slice(None)
    indices, inverse = item.unique(return_inverse=True)
    return indices, inverse
