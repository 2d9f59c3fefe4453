"""LayerNorm and RMSNorm in closed form, so that gradients pass through them for many receivers at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Norm:
    """LayerNorm or RMSNorm: ``y = (x − mean) / scale · weight + bias``.

    Attributes:
        weight: [d_model].
        bias: [d_model], or None.
        eps: Added to the variance.
        is_centred: Whether the mean is subtracted (LayerNorm).
    """

    weight: Tensor
    bias: Tensor | None
    eps: float
    is_centred: bool

    @staticmethod
    def recognise(module: nn.Module, d_model: int, like: Tensor) -> Norm | None:
        """Recognise a module by what it computes; None where it is no such normalisation.

        Class names mislead (Gemma stores weight − 1), so every candidate is compared on random input.

        Args:
            module: The module.
            d_model: Width of its input.
            like: A tensor of the model's device and dtype, for a module without weights.
        """
        if isinstance(module, nn.Identity):
            return IdentityNorm.of_width(like)
        weight = getattr(module, "weight", None)
        if weight is None:  # OLMo's has neither weight nor bias
            weight = torch.ones(d_model).to(like)
        if not isinstance(weight, Tensor) or weight.dim() != 1:
            return None
        bias = getattr(module, "bias", None)
        eps = next(
            (float(getattr(module, n)) for n in ("eps", "variance_epsilon") if hasattr(module, n)),
            1e-5,
        )
        x = _random_rows(weight.shape[0], weight.device, weight.dtype)
        with torch.no_grad():
            try:
                right = module(x)
            except RuntimeError:  # it normalises something of another shape
                return None
            for centred in (True, False):
                for offset in (0.0, 1.0):
                    norm = Norm((weight + offset).detach(), bias, eps, centred)
                    if torch.allclose(norm(x), right, rtol=1e-4, atol=1e-4):
                        return norm
        return None

    def normalise_parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The normalised input without weight [..., d_model], and 1 / scale [..., 1]."""
        centred = x - x.mean(-1, keepdim=True) if self.is_centred else x
        inverse = (centred.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()
        return centred * inverse, inverse

    def project(self, x: Tensor, folded: Tensor, bias: Tensor) -> Tensor:
        """Linear maps of normalised inputs, one input for each head.

        As centring and weight are folded into the map, the input itself is multiplied and then divided by its
        scale.

        Args:
            x: Inputs [head, n, d_model].
            folded: Maps after ``fold``, [head, d_model, d_head].
            bias: What is added, [head, d_head].

        Returns:
            [head, n, d_head].
        """
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        if self.is_centred:
            square = (square - x.mean(-1, keepdim=True).square()).clamp_min(0)
        return torch.addcmul(bias[:, None], torch.bmm(x, folded), (square + self.eps).rsqrt())

    def project_vjp(
        self, x: Tensor, folded: Tensor, bias: Tensor, projected: Tensor, gradient: Tensor, out: Tensor
    ) -> None:
        """Vector–Jacobian product of ``project``.

        Args:
            x: Inputs [head, n, d_model].
            folded: Maps after ``fold``, [head, d_model, d_head].
            bias: What was added, [head, d_head].
            projected: What ``project`` gave, [head, n, d_head].
            gradient: Gradient at it, [head, n, d_head].
            out: Receives the gradient at the inputs [head, n, d_model].
        """
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        mean = x.mean(-1, keepdim=True) if self.is_centred else None
        if mean is not None:
            square = (square - mean.square()).clamp_min(0)
        inverse = (square + self.eps).rsqrt()
        along = (gradient * (projected - bias[:, None])).sum(-1, keepdim=True)
        along = along * inverse.square() / x.shape[-1]
        torch.bmm(gradient * inverse, folded.transpose(1, 2), out=out)
        out.addcmul_(along, x, value=-1)
        if mean is not None:
            out.addcmul_(along, mean)

    def inverse_scale(self, x: Tensor) -> Tensor:
        """1 / scale of a stream [batch, time, d_model], to multiply values per head: [batch, time, 1, 1]."""
        return self.normalise_parts(x)[1][..., None]

    def __call__(self, x: Tensor) -> Tensor:
        """The normalised [..., d] input with weight and bias."""
        normal, _ = self.normalise_parts(x)
        y = normal * self.weight
        return y if self.bias is None else y + self.bias

    def with_constant_scale(self, x: Tensor) -> Tensor:
        """The normalised input with weight and bias, whose gradient takes the scale as a constant."""
        centred = x - x.mean(-1, keepdim=True) if self.is_centred else x
        y = centred * self.normalise_parts(x.detach())[1] * self.weight
        return y if self.bias is None else y + self.bias

    def vjp(self, x: Tensor, gradient: Tensor, is_scale_constant: bool = False) -> Tensor:
        """Vector–Jacobian product: the gradient at the input, from the gradient at the output.

        Args:
            x: Input [..., d_model].
            gradient: Gradient at the output [..., d_model].
            is_scale_constant: Take the scale as a constant.

        Returns:
            Gradient at the input [..., d_model].
        """
        normal, inverse = self.normalise_parts(x)
        g = gradient * self.weight
        if self.is_centred:
            g = g - g.mean(-1, keepdim=True)
        if is_scale_constant:
            return g * inverse
        return (g - normal * (g * normal).mean(-1, keepdim=True)) * inverse

    def to(self, device: torch.device) -> Norm:
        """The normalisation with its weight and bias on a device."""
        if self.weight.device == device:
            return self
        bias = None if self.bias is None else self.bias.to(device)
        return replace(self, weight=self.weight.to(device), bias=bias)

    def scaled(self, factor: float) -> Norm:
        """The normalisation whose output is ``factor`` times this one's."""
        bias = None if self.bias is None else self.bias * factor
        return replace(self, weight=self.weight * factor, bias=bias)

    def fold(self, weight: Tensor) -> Tensor:
        """A linear map's weight [head, d_model, e] with this normalisation's weight and centring."""
        folded = weight * self.weight[None, :, None]
        return folded - folded.mean(1, keepdim=True) if self.is_centred else folded

    def fold_output(self, weight: Tensor) -> Tensor:
        """An output map's weight [head, e, d_model] with this normalisation's centring and weight folded in.

        The scale is not part of it.
        """
        centred = weight - weight.mean(-1, keepdim=True) if self.is_centred else weight
        return centred * self.weight

    def vjp_heads(
        self,
        x: Tensor,
        gradient: Tensor,
        folded: Tensor,
        out: Tensor,
        is_scale_constant: bool = False,
        projected: Tensor | None = None,
    ) -> None:
        """Vector–Jacobian product through this normalisation and a linear map per head.

        As the centring is folded into the map, the Jacobian's last term is one number per head and position,
        and the full-width output is never made.

        Args:
            x: Input [batch, position, d_model].
            gradient: Gradient at each head's projection [batch, position, head, e].
            folded: Maps after ``fold`` [head, d_model, e].
            out: Receives the gradient at each head's own copy of the stream [head, batch · position,
                d_model].
            is_scale_constant: Take the scale as a constant.
            projected: What the maps gave [batch, position, head, e], without bias; computed by default.
        """
        normal, inverse = self.normalise_parts(x)
        heads, width, inner = folded.shape
        g = (gradient * inverse[..., None]).permute(2, 0, 1, 3).reshape(heads, -1, inner)
        if is_scale_constant:
            torch.bmm(g, folded.transpose(1, 2), out=out)
            return
        flat = normal.reshape(-1, width)
        by_head = flat @ folded if projected is None else projected.permute(2, 0, 1, 3).reshape_as(g)
        along = (g * by_head).sum(-1, keepdim=True) / width
        torch.bmm(g, folded.transpose(1, 2), out=out)
        out.addcmul_(along, flat, value=-1)


@lru_cache(maxsize=8)
def _random_rows(width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Input that tells normalisations apart, [8, width]; copied to a device once for all of one width."""
    draw = torch.Generator().manual_seed(0)
    sizes = torch.logspace(-2, 0.5, 8)[:, None]  # small rows tell one eps from another
    return ((torch.randn(8, width, generator=draw) + 0.3) * sizes).to(device, dtype)


@dataclass(frozen=True, eq=False)
class IdentityNorm(Norm):
    """No normalisation: ``y = x``. ``weight`` is one everywhere."""

    @classmethod
    def of_width(cls, like: Tensor) -> IdentityNorm:
        """For streams as wide as the last dimension of a tensor, on its device and in its dtype."""
        return cls(torch.ones(like.shape[-1]).to(like), None, 0.0, is_centred=False)

    def normalise_parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The stream itself, and a scale of one."""
        return x, torch.ones_like(x[..., :1])

    def project(self, x: Tensor, folded: Tensor, bias: Tensor) -> Tensor:
        """A plain linear map per head."""
        return torch.baddbmm(bias[:, None], x, folded)

    def project_vjp(
        self, x: Tensor, folded: Tensor, bias: Tensor, projected: Tensor, gradient: Tensor, out: Tensor
    ) -> None:
        """The transpose of a plain linear map per head."""
        torch.bmm(gradient, folded.transpose(1, 2), out=out)

    def vjp(self, x: Tensor, gradient: Tensor, is_scale_constant: bool = False) -> Tensor:
        """The gradient itself."""
        return gradient

    def vjp_heads(
        self,
        x: Tensor,
        gradient: Tensor,
        folded: Tensor,
        out: Tensor,
        is_scale_constant: bool = False,
        projected: Tensor | None = None,
    ) -> None:
        """The transpose of a plain linear map per head."""
        heads, _, inner = folded.shape
        torch.bmm(gradient.permute(2, 0, 1, 3).reshape(heads, -1, inner), folded.transpose(1, 2), out=out)
