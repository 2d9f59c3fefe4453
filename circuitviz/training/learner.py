"""The trained weights with their optimiser, independent of the source of batches and of reporting."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.sites import DictionarySite
from circuitviz.training.activation_pool import ActivationScaling

DEAD_AFTER_TOKENS = 60_000  # a feature that was active at none of so many tokens is dead
AUXILIARY_LOSS_WEIGHT = 1 / 32  # of the loss, for dead features [gao2024scaling]
THRESHOLD_DECAY = 0.99  # of the running threshold


class DictionaryLearner:
    """Weights, optimiser and counts of a training.

    Inputs and targets are scaled to mean zero and a mean square of 1 per coordinate (``scaling``).
    """

    def __init__(
        self, scaling: ActivationScaling, features: int, sparsity: int, learning_rate: float, seed: int
    ) -> None:
        self.scaling = scaling
        self.sparsity = min(sparsity, features)
        self.steps = 0
        self.learning_rate = learning_rate
        draw = torch.Generator().manual_seed(seed)
        encoder = nn.functional.normalize(torch.randn(features, scaling.d_in, generator=draw))
        if scaling.is_autoencoder:
            decoder = encoder.clone()  # what a feature reads is what it should write
        else:
            decoder = nn.functional.normalize(torch.randn(features, scaling.d_out, generator=draw))
        device = scaling.device
        self.parameters = {
            "encoder": nn.Parameter(encoder.T.contiguous().to(device)),
            "encoder_bias": nn.Parameter(torch.zeros(features, device=device)),
            "decoder": nn.Parameter(decoder.to(device)),
            "decoder_bias": nn.Parameter(torch.zeros(scaling.d_out, device=device)),
        }
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=learning_rate, betas=(0.9, 0.99))
        self.threshold = torch.zeros((), device=device)
        self.tokens_since_fired = torch.zeros(features, device=device)  # tokens since each feature fired
        self._sums = torch.zeros(3, device=device)  # error, active, batches since the last account

    def step(self, x: Tensor, y: Tensor, rate_factor: float) -> None:
        """Take one optimiser step.

        Args:
            x: Raw inputs [token, d_in].
            y: Raw targets [token, d_out].
            rate_factor: Share of the learning rate.
        """
        p = self.parameters
        x, y = self.scaling.scale_inputs(x), self.scaling.scale_targets(y)
        preactivation = (x @ p["encoder"] + p["encoder_bias"]).relu()
        scaled = preactivation.detach() * p["decoder"].detach().norm(dim=1)
        smallest_kept = torch.topk(scaled.flatten(), self.sparsity * len(x), sorted=False).values.min()
        active = (scaled >= smallest_kept) & (scaled > 0)
        error = (preactivation * active) @ p["decoder"] + p["decoder_bias"] - y
        loss = error.square().mean()
        self.tokens_since_fired += len(x)
        self.tokens_since_fired[active.any(0)] = 0
        dead = (self.tokens_since_fired > DEAD_AFTER_TOKENS).nonzero()[:, 0]
        total = (
            loss + AUXILIARY_LOSS_WEIGHT * self._auxiliary_loss(x, error.detach(), dead)
            if len(dead)
            else loss
        )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * rate_factor
        self.optimizer.step()
        self.threshold = (
            smallest_kept
            if self.steps == 0
            else THRESHOLD_DECAY * self.threshold + (1 - THRESHOLD_DECAY) * smallest_kept
        )
        self.steps += 1
        with torch.no_grad():
            self._sums += torch.stack([loss.detach(), active.sum() / len(x), torch.ones_like(smallest_kept)])

    def _auxiliary_loss(self, x: Tensor, error: Tensor, dead: Tensor) -> Tensor:
        """Return the loss of the dead features on the other features' residual [gao2024scaling]."""
        p = self.parameters
        preactivations = (x @ p["encoder"][:, dead] + p["encoder_bias"][dead]).relu()
        kept_mask = min(len(dead), max(1, x.shape[1] // 2))
        values, indices = torch.topk(preactivations, kept_mask, dim=1, sorted=False)
        activations = torch.zeros_like(preactivations).scatter(1, indices, values)
        rebuilt = activations @ p["decoder"][dead]
        return (rebuilt + error).square().mean() / error.square().mean().clamp_min(1e-12)

    def take_averages(self) -> tuple[float, float, float]:
        """Return mean loss (share of variance) and L0 since the last call, and the share of dead features."""
        error, active, batches = self._sums.tolist()
        self._sums.zero_()
        dead = float((self.tokens_since_fired > DEAD_AFTER_TOKENS).float().mean())
        return error / batches, active / batches, dead

    def state(self) -> dict[str, Tensor]:
        """Return the learner's state by name."""
        counters = {"threshold": self.threshold, "silent": self.tokens_since_fired, "sums": self._sums}
        weights = {name: tensor.detach() for name, tensor in self.parameters.items()}
        return counters | weights | optimizer_tensors(self.optimizer, list(weights))

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor], steps: int) -> None:
        """Restore the state of a learner after a number of steps."""
        for name, tensor in self.parameters.items():
            tensor.copy_(state[name])
        device = self.tokens_since_fired.device
        self.threshold, self.tokens_since_fired, self._sums = (
            state[k].to(device) for k in ("threshold", "silent", "sums")
        )
        restore_optimizer(self.optimizer, list(self.parameters), state)
        self.steps = steps

    @torch.no_grad()
    def to_dictionary(self, name: str, site: DictionarySite, model: str) -> Dictionary:
        """Return a dictionary on raw activations, decoder rows of length 1; copies."""
        p, s = self.parameters, self.scaling
        norm = p["decoder"].norm(dim=1).clamp_min(1e-8)
        encoder = p["encoder"] / s.x_scale
        unit = norm * s.y_scale
        return Dictionary(
            name=name,
            architecture="jumprelu_transcoder" if site.is_transcoder else "jumprelu",
            site=site,
            encoder=(encoder * unit).detach(),
            bias=((p["encoder_bias"] - s.x_mean @ encoder) * unit).detach(),
            decoder=(p["decoder"] / norm[:, None]).detach(),
            decoder_bias=(p["decoder_bias"] * s.y_scale + s.y_mean).detach(),
            threshold=(self.threshold * s.y_scale).expand_as(norm).clone(),
            model=model,
        )


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """Return an optimiser's moments by parameter name."""
    states = optimizer.state_dict()["state"]
    return {
        f"{name}/{key}": value
        for index, name in enumerate(names)
        for key, value in states.get(index, {}).items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, names: list[str], state: dict[str, Tensor]) -> None:
    """Set an optimiser's moments from what ``optimizer_tensors`` returned."""
    optimizer_state = optimizer.state_dict()
    optimizer_state["state"] = {}
    for name, value in state.items():
        parameter, slash, key = name.partition("/")
        if slash:
            optimizer_state["state"].setdefault(names.index(parameter), {})[key] = value
    optimizer.load_state_dict(optimizer_state)
