"""Means and scales of a site's activations, so that one learning rate suits every model."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ActivationScaling:
    """Mean [d] and root mean square deviation of inputs and targets, measured once."""

    x_mean: Tensor
    x_scale: Tensor
    y_mean: Tensor
    y_scale: Tensor

    @staticmethod
    def measure(x: Tensor, y: Tensor) -> ActivationScaling:
        """Return means and scales of inputs [token, d_in] and targets [token, d_out]."""
        return ActivationScaling(*_mean_and_scale(x), *_mean_and_scale(y))

    def scale_inputs(self, x: Tensor) -> Tensor:
        """Return raw inputs, scaled."""
        return (x - self.x_mean) / self.x_scale

    def scale_targets(self, y: Tensor) -> Tensor:
        """Return raw targets, scaled to mean square 1: a mean square error is then unexplained variance."""
        return (y - self.y_mean) / self.y_scale

    def state(self) -> dict[str, Tensor]:
        """Return the tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _mean_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.float()
    mean = x.mean(0)
    return mean, (x - mean).square().mean().sqrt().clamp_min(1e-8)


def scaling_from_state(state: dict[str, Tensor], like: Tensor) -> ActivationScaling:
    """Return a scaling from what ``state`` gave, on a tensor's device."""
    return ActivationScaling(*(state[field.name].to(like.device) for field in fields(ActivationScaling)))
