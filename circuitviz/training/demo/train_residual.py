"""``python -m circuitviz.training.demo.train_residual`` trains SAEs of two of the demo model's streams.

On generated text, measured on text of another seed, written in SAELens' form with their card.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from circuitviz.features import DictionarySite, load_dictionaries, write_saelens_folder
from circuitviz.features.passages import passages_from_texts
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training import (
    DictionaryQuality,
    DictionaryRecipe,
    measure_dictionary_steps,
    train_dictionaries_steps,
)
from circuitviz.training.demo.train_dictionaries import (
    FIGURES_FILE,
    MEASURING_PASSAGES,
    MEASURING_SEED,
    TRAINING_SEED,
    demo_texts,
    print_training_progress,
)

TRAINING_PASSAGES = 6_000  # to train on
RECIPE = DictionaryRecipe(features=384, sparsity=16, steps=1500, batch=512)
SITES = (DictionarySite(2, "r", "written"), DictionarySite(3, "r", "written"))


def main(argv: list[str] | None = None) -> int:
    """Train, measure and write the SAEs; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m circuitviz.training.demo.train_residual", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=resource_path("demo", "residual"))
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="training steps of each")
    args = parser.parse_args(argv)

    model, recipe = load_model("demo"), replace(RECIPE, steps=args.steps)
    torch.set_num_threads(1)  # the figures of one core are those of any
    text = passages_from_texts(model, demo_texts(TRAINING_SEED, TRAINING_PASSAGES))

    start_s = time.process_time()
    trained = run_to_completion(train_dictionaries_steps(model, SITES, text, recipe), print_training_progress)
    seconds = round(time.process_time() - start_s)
    about = {"training": asdict(recipe), "training_tokens": text.n_tokens, "seconds": seconds}
    for dictionary in trained.dictionaries:
        write_saelens_folder(replace(dictionary, about=about), args.out / dictionary.name)
    held_out = passages_from_texts(model, demo_texts(MEASURING_SEED, MEASURING_PASSAGES))
    figures = {
        dictionary.name: run_to_completion(measure_dictionary_steps(model, dictionary, held_out))
        for dictionary in load_dictionaries([args.out], model)
    }
    report_data = {name: asdict(one) for name, one in figures.items()}
    (args.out / FIGURES_FILE).write_text(json.dumps(report_data, indent=1) + "\n")
    (args.out / "README.md").write_text(write_card(recipe, text.n_tokens, seconds, figures))
    return 0


def write_card(
    recipe: DictionaryRecipe, training_tokens: int, seconds: float, figures: dict[str, DictionaryQuality]
) -> str:
    """Return the card's text, in Markdown."""
    rows = "\n".join(
        f"| {name} | {recipe.features} | {one.unexplained:.4f} | {one.l0:.1f} | {one.dead:.1%} | "
        f"{one.recovered:.4f} |"
        for name, one in figures.items()
    )
    tokens = next(iter(figures.values())).tokens
    return f"""# SAEs of the circuitviz demo model's residual stream

`r2` reads and rebuilds the stream before layer 2 (`blocks.1.hook_resid_post`), `r3` that before layer 3. They
belong to the model as it is, no weights folded; the files are in SAELens' form. Made by
`python -m circuitviz.training.demo.train_residual`.

**Training.** Batch-top-k (Bussmann et al. 2024) with the auxiliary loss of Gao et al. 2024, saved as JumpReLU
with the running threshold: {recipe.steps} steps of {recipe.batch} tokens, Adam at {recipe.rate:g}, on
{training_tokens:,} tokens of the demo's own text (seed {TRAINING_SEED}), for {recipe.sparsity} active
features per token; {seconds:.0f} seconds of one core for both.

**Measured** on {tokens:,} tokens of text of another seed ({MEASURING_SEED}), beginnings of sequence left out
(`{FIGURES_FILE}`):

| site | features | unexplained variance | L0 | dead | loss recovered |
| --- | --- | --- | --- | --- | --- |
{rows}

Unexplained variance: Σ‖y − ŷ‖² / Σ‖y − ȳ‖². L0: active features per token. Dead: features active at none of
these tokens. Loss recovered: (loss with zeros − with the reconstruction) / (loss with zeros − the model's
loss), of each alone.

**Use.** A subject for trying circuits with features of the residual stream:
`--dictionaries resources/demo/residual`. The weights come under the project's licence.
"""


if __name__ == "__main__":
    sys.exit(main())
