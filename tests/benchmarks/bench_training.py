"""Training against SAELens' own trainer: quality and speed at equal steps, side by side.

``python tests/benchmarks/bench_training.py [--sites a0,a1] [--steps 2500] [--kinds batch-top-k,top-k]``: both
train on the same batches of the demo model's activations, in turns, one process, one thread; figures are of
text of another seed. SAELens trains at its default rate (3e-4) and at ours, with linear decay over the last
third as ours, and with the scaling of inputs that its documentation recommends. Speed is of processor time
and leaves the model's passes out, as both are given the same activations.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from circuitviz.features.passages import passages_from_texts
from circuitviz.models import load_model
from circuitviz.training import DictionaryRecipe, collect_activations, demo_texts, parse_sites
from circuitviz.training.activation_scaling import ActivationScaling
from circuitviz.training.learner import Learner
from circuitviz.training.recipe import rate_factor

TRAINING_PASSAGES, MEASURING_PASSAGES = 12_000, 3_000
TURN_STEPS = 50  # of one trainer before the other's turn


class Batches:
    """Batches in random order, the same for every trainer."""

    def __init__(self, activations: torch.Tensor, n_tokens: int, seed: int) -> None:
        self._activations, self._n_tokens = activations, n_tokens
        self._draw = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[torch.Tensor]:
        while True:
            order = torch.randperm(len(self._activations), generator=self._draw)
            for places in order.split(self._n_tokens):
                if len(places) == self._n_tokens:
                    yield self._activations[places]


class OurTraining:
    """Our learner."""

    def __init__(self, site: Any, data: torch.Tensor, recipe: DictionaryRecipe) -> None:
        self.batches, self.recipe = iter(Batches(data, recipe.batch, recipe.seed)), recipe
        scaling = ActivationScaling.measure(data[: 8 * recipe.batch], data[: 8 * recipe.batch])
        self.learner = Learner([site], [scaling], recipe)
        self.seconds = 0.0

    def run(self, steps: int) -> None:
        """Take some steps."""
        batches = [next(self.batches) for _ in range(steps)]
        start_s = time.process_time()
        for x in batches:
            self.learner.step([(x, x)], rate_factor(self.learner.steps, self.recipe.steps))
        self.seconds += time.process_time() - start_s

    def figures(self, x: torch.Tensor) -> dict[str, float]:
        """Return the figures on held-out activations."""
        dictionary = self.learner.to_dictionaries("demo")[0]
        return measure(x, dictionary.encode(x), dictionary.reconstruct(x))


class SaelensTraining:
    """SAELens' trainer."""

    def __init__(self, data: torch.Tensor, recipe: DictionaryRecipe, rate: float) -> None:
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        self.batches = iter(Batches(data, recipe.batch, recipe.seed))
        torch.manual_seed(recipe.seed)
        config = SAETrainerConfig(
            total_training_samples=recipe.steps * recipe.batch,
            train_batch_size_samples=recipe.batch,
            lr=rate,
            lr_end=rate / 10,
            lr_warm_up_steps=recipe.steps // 50,
            lr_decay_steps=recipe.steps // 3,
            dead_feature_window=60,  # steps: 60,000 tokens, as ours
            n_batches_for_norm_estimate=20,
            logger=LoggingConfig(log_to_wandb=False),
        )
        self.sae = make_sae(data.shape[1], recipe)
        self.trainer = SAETrainer(config, self.sae, self.batches)
        self.trainer.activation_scaler.estimate_scaling_factor(
            d_in=data.shape[1],
            data_provider=iter(Batches(data, recipe.batch, 1)),
            n_batches_for_norm_estimate=20,
        )
        self.seconds = 0.0

    def run(self, steps: int) -> None:
        """Take some steps, as its own loop does."""
        batches = [next(self.batches) for _ in range(steps)]
        start_s = time.process_time()
        for x in batches:
            self.trainer.step(x)
            self.trainer.n_training_steps += 1
        self.seconds += time.process_time() - start_s

    def figures(self, x: torch.Tensor) -> dict[str, float]:
        """Return the figures on held-out activations of what it saves."""
        from sae_lens import SAE

        factor = self.trainer.activation_scaler.scaling_factor
        self.sae.fold_activation_norm_scaling_factor(factor)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            self.sae.save_inference_model(folder)
            saved = SAE.load_from_disk(folder)
            features = saved.encode(x)
            return measure(x, features, saved.decode(features))


def make_sae(width: int, recipe: DictionaryRecipe) -> Any:
    """Return SAELens' untrained SAE of a recipe's kind."""
    import sae_lens

    shared = {"d_in": width, "d_sae": recipe.features, "normalize_activations": "expected_average_only_in"}
    if recipe.activation == "batch-top-k":
        return sae_lens.BatchTopKTrainingSAE(sae_lens.BatchTopKTrainingSAEConfig(k=recipe.sparsity, **shared))
    assert recipe.activation == "top-k"
    return sae_lens.TopKTrainingSAE(sae_lens.TopKTrainingSAEConfig(k=recipe.sparsity, **shared))


def measure(x: torch.Tensor, features: torch.Tensor, rebuilt: torch.Tensor) -> dict[str, float]:
    """Return unexplained variance, L0 and dead features."""
    error = (x - rebuilt).double().square().sum() / (x - x.mean(0)).double().square().sum()
    active = features > 0
    return {
        "unexplained": float(error),
        "l0": float(active.sum(1).double().mean()),
        "dead": float((active.sum(0) == 0).double().mean()),
    }


def main() -> None:
    """Train and print a line for each trainer, site and kind; as JSON too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", default="a0,a1,a2,a3")
    parser.add_argument("--kinds", default="batch-top-k")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--rates", default="3e-4,2e-3", help="learning rates of SAELens")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    model = load_model("demo")
    text = passages_from_texts(model, demo_texts(101, TRAINING_PASSAGES))
    held_out = passages_from_texts(model, demo_texts(202, MEASURING_PASSAGES))
    for site in parse_sites(args.sites, model):
        data, _ = collect_activations(model, site, text)
        data = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(0))]
        x, _ = collect_activations(model, site, held_out)
        for kind in args.kinds.split(","):
            recipe = DictionaryRecipe(768, 16, args.steps, 1024, activation=kind)
            trainings: dict[str, Any] = {"circuitviz": OurTraining(site, data, recipe)}
            for rate in args.rates.split(","):
                trainings[f"SAELens at {rate}"] = SaelensTraining(data, recipe, float(rate))
            for _ in range(0, args.steps, TURN_STEPS):
                for training in trainings.values():
                    training.run(TURN_STEPS)
            for name, training in trainings.items():
                with contextlib.redirect_stderr(io.StringIO()):
                    figures = training.figures(x)
                speed = args.steps * recipe.batch / training.seconds
                line = {"site": site.name, "kind": kind, "trainer": name, **figures, "tokens_per_s": speed}
                print(
                    json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}),
                    flush=True,
                )


if __name__ == "__main__":
    main()
