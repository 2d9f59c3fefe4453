"""Gradients are pushed through a normalisation by its closed form, for many receivers at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Norm:
    """LayerNorm or RMSNorm: ``y = (x − mean) / scale · weight + bias``, the mean only if centred."""

    weight: Tensor
    bias: Tensor | None
    eps: float
    is_centred: bool

    @staticmethod
    def recognise(module: nn.Module, d_model: int, like: Tensor) -> Norm | None:
        """Recognise a module by what it computes; None where it is no such normalisation.

        Class names mislead (Gemma stores weight − 1), so every candidate is tried on random input.
        ``like``: a tensor of the model's device and dtype, for a module without weights.
        """
        if isinstance(module, nn.Identity):
            return IdentityNorm(torch.ones(d_model).to(like), None, 0.0, is_centred=False)
        weight = getattr(module, "weight", None)
        if not isinstance(weight, Tensor) or weight.dim() != 1:
            return None
        bias = getattr(module, "bias", None)
        eps = next(
            (float(getattr(module, n)) for n in ("eps", "variance_epsilon") if hasattr(module, n)),
            1e-5,
        )
        draw = torch.Generator().manual_seed(0)
        x = torch.randn(8, weight.shape[0], generator=draw).to(weight) * 3 + 1
        with torch.no_grad():
            right = module(x)
            for centred in (True, False):
                for offset in (0.0, 1.0):
                    norm = Norm((weight + offset).detach(), bias, eps, centred)
                    if torch.allclose(norm(x), right, rtol=1e-4, atol=1e-4):
                        return norm
        return None

    def normalise_parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (x normalised without weight [..., d], 1/scale [..., 1])."""
        centred = x - x.mean(-1, keepdim=True) if self.is_centred else x
        inverse = (centred.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()
        return centred * inverse, inverse

    def project(self, x: Tensor, folded: Tensor, bias: Tensor) -> Tensor:
        """What heads make of inputs of their own: [head, n, d] → [head, n, e].

        folded: [head, d, e] after ``fold``, added: [head, e]. As centring and weight are folded in, the
        input itself is multiplied, and only its scale is left to divide by.
        """
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square() / x.shape[-1]
        if self.is_centred:
            square = (square - x.mean(-1, keepdim=True).square()).clamp_min(0)
        return torch.addcmul(bias[:, None], torch.bmm(x, folded), (square + self.eps).rsqrt())

    def inverse_scale(self, x: Tensor) -> Tensor:
        """1/scale of [batch, time, d], to be multiplied with values per head [batch, time, 1, 1]."""
        return self.normalise_parts(x)[1][..., None]

    def __call__(self, x: Tensor) -> Tensor:
        """The normalised [..., d] input with weight and bias."""
        normal, _ = self.normalise_parts(x)
        y = normal * self.weight
        return y if self.bias is None else y + self.bias

    def vjp(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Push a gradient at the output back to the input: the transposed Jacobian's product.

        x: [..., d]; gradient: [..., d]. Returns [..., d].
        """
        normal, inverse = self.normalise_parts(x)
        g = gradient * self.weight
        if self.is_centred:
            g = g - g.mean(-1, keepdim=True)
        return (g - normal * (g * normal).mean(-1, keepdim=True)) * inverse

    def fold(self, weight: Tensor) -> Tensor:
        """A linear map's weight [head, d, e] with this normalisation's own weight and centring."""
        folded = weight * self.weight[None, :, None]
        return folded - folded.mean(1, keepdim=True) if self.is_centred else folded

    def fold_output(self, weight: Tensor) -> Tensor:
        """An output map's weight [head, e, d] as it arrives behind this normalisation, but for the
        inverse_scale: centred, times this normalisation's own weight.
        """
        centred = weight - weight.mean(-1, keepdim=True) if self.is_centred else weight
        return centred * self.weight

    def vjp_heads(self, x: Tensor, gradient: Tensor, folded: Tensor, out: Tensor) -> None:
        """The same for a linear map per head behind the normalisation, without its full output.

        x: [batch, position, d]; gradient at each head's projection [batch, position, head, e];
        folded: each head's weight after ``fold`` [head, d, e]. Writes [head, batch · position, d]
        to ``out``: the gradient at each head's own copy of the residual stream. As the centring is
        folded into the weight, the Jacobian's last term is one number per head and position.
        """
        normal, inverse = self.normalise_parts(x)
        heads, width, inner = folded.shape
        g = (gradient * inverse[..., None]).permute(2, 0, 1, 3).reshape(heads, -1, inner)
        flat = normal.reshape(-1, width)
        along = (g * (flat @ folded)).sum(-1, keepdim=True) / width
        torch.bmm(g, folded.transpose(1, 2), out=out)
        out.addcmul_(along, flat, value=-1)


@dataclass(frozen=True, eq=False)
class IdentityNorm(Norm):
    """Where a model does not normalise: ``y = x``. ``weight`` is one everywhere."""

    def normalise_parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The stream itself, and a scale of one."""
        return x, torch.ones_like(x[..., :1])

    def project(self, x: Tensor, folded: Tensor, bias: Tensor) -> Tensor:
        """A plain linear map per head."""
        return torch.baddbmm(bias[:, None], x, folded)

    def vjp(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The gradient itself."""
        return gradient

    def vjp_heads(self, x: Tensor, gradient: Tensor, folded: Tensor, out: Tensor) -> None:
        """A plain linear map's transpose per head."""
        heads, _, inner = folded.shape
        torch.bmm(gradient.permute(2, 0, 1, 3).reshape(heads, -1, inner), folded.transpose(1, 2), out=out)
