"""``python -m circuitviz.training.demo.train_cross_layer`` trains the demo model's cross-layer transcoder.

On generated text, measured on text of another seed, written in circuit-tracer's form with its card.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from circuitviz.features import write_cross_layer_folder
from circuitviz.features.passages import passages_from_texts
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training import (
    CrossLayerQuality,
    DictionaryRecipe,
    measure_cross_layer_steps,
    train_cross_layer_steps,
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
RECIPE = DictionaryRecipe(features=384, sparsity=12, steps=1500, batch=512)


def main(argv: list[str] | None = None) -> int:
    """Train, measure and write the transcoder; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m circuitviz.training.demo.train_cross_layer", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=resource_path("demo", "cross-layer"))
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="training steps")
    args = parser.parse_args(argv)

    model, recipe = load_model("demo"), replace(RECIPE, steps=args.steps)
    torch.set_num_threads(1)  # the figures of one core are those of any
    text = passages_from_texts(model, demo_texts(TRAINING_SEED, TRAINING_PASSAGES))
    start_s = time.process_time()

    trained = run_to_completion(train_cross_layer_steps(model, text, recipe), print_training_progress)
    seconds = time.process_time() - start_s
    about = {"training": asdict(recipe), "training_tokens": text.n_tokens, "seconds": round(seconds)}
    dictionaries = [replace(one, about=about) for one in trained.dictionaries]
    write_cross_layer_folder(dictionaries, args.out)
    held_out = passages_from_texts(model, demo_texts(MEASURING_SEED, MEASURING_PASSAGES))
    figures = run_to_completion(measure_cross_layer_steps(model, dictionaries, held_out))
    (args.out / FIGURES_FILE).write_text(json.dumps(asdict(figures), indent=1) + "\n")
    (args.out / "README.md").write_text(write_card(recipe, text.n_tokens, seconds, figures))
    return 0


def write_card(
    recipe: DictionaryRecipe, training_tokens: int, seconds: float, figures: CrossLayerQuality
) -> str:
    """Return the card's text, in Markdown."""
    columns = zip(figures.unexplained, figures.l0, figures.dead, strict=True)
    rows = "\n".join(
        f"| {layer} | {recipe.features} | {unexplained:.4f} | {l0:.1f} | {dead:.1%} |"
        for layer, (unexplained, l0, dead) in enumerate(columns)
    )
    return f"""# A cross-layer transcoder of the circuitviz demo model

Features of each layer read the MLP's input (`mlp.hook_in`) and write to the MLP outputs of that layer and all
later ones (`hook_mlp_out`). It belongs to the model as it is, no weights folded; the files are in
circuit-tracer's form. Made by `python -m circuitviz.training.demo.train_cross_layer`.

**Training.** Batch-top-k (Bussmann et al. 2024) in each layer with the auxiliary loss of Gao et al. 2024,
saved as JumpReLU with the running threshold: {recipe.steps} steps of {recipe.batch} tokens, Adam at
{recipe.rate:g}, on {training_tokens:,} tokens of the demo's own text (seed {TRAINING_SEED}), for
{recipe.sparsity} active features per layer and token; {seconds:.0f} seconds of one core.

**Measured** on {figures.tokens:,} tokens of text of another seed ({MEASURING_SEED}), beginnings of sequence
left out (`{FIGURES_FILE}`):

| layer | features | unexplained variance | L0 | dead |
| --- | --- | --- | --- | --- |
{rows}

Unexplained variance: Σ‖y − ŷ‖² / Σ‖y − ȳ‖² of what the layer's MLP writes. L0: active features of the layer
per token. Dead: features active at none of these tokens. Loss recovered with all MLPs replaced at once,
(loss with zeros − with the reconstructions) / (loss with zeros − the model's loss): {figures.recovered:.4f}.

**Use.** A subject for trying circuits with cross-layer features. The weights come under the project's
licence.
"""


if __name__ == "__main__":
    sys.exit(main())
