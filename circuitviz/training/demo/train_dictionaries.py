"""``python -m circuitviz.training.demo.train_dictionaries`` trains the demo model's dictionaries.

One SAE and one transcoder for each layer, on generated text, measured on text of another seed.
"""

from __future__ import annotations

import argparse
import json
import lzma
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path

import torch

from circuitviz.features import Dictionary, Passages, dashboards, load_dictionaries, write_saelens_folder
from circuitviz.features.passages import passages_from_texts
from circuitviz.models import Model, load_model
from circuitviz.progress import Progress, run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training import (
    DictionaryQuality,
    DictionaryRecipe,
    loss_recovered_steps,
    measure_dictionary_steps,
    parse_site,
    train_dictionaries_steps,
    trainable_sites,
)
from circuitviz.training.demo.corpus import DemoCorpus

TRAINING_PASSAGES = 12_000  # to train on
MEASURING_PASSAGES = 5_000  # passages of the card's figures
TRAINING_SEED, MEASURING_SEED = 101, 202
RECIPES = {"a": DictionaryRecipe(features=768, sparsity=16), "m": DictionaryRecipe(features=512, sparsity=12)}
FIGURES_FILE = "figures.json"


def demo_texts(seed: int, n_passages: int) -> Iterator[str]:
    """Iterate over passages of the demo's text; for one seed they are always the same."""
    return islice(DemoCorpus(seed).passages(), n_passages)


def print_training_progress(step: Progress, name: str = "") -> None:
    """Print every 250th step of a training, after a name."""
    if step.done % 250 == 0 and step.partial is not None:
        print(f"{f'{name} ' if name else ''}{step.done:5.0f}  {step.message}", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Train, measure and write the dictionaries; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m circuitviz.training.demo.train_dictionaries", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=resource_path("demo", "dictionaries"))
    parser.add_argument("--sites", help="some alone, as in a0,m3; 'none' measures what is there")
    parser.add_argument("--steps", type=int, default=None, help="training steps of each")
    args = parser.parse_args(argv)

    model = load_model("demo")
    torch.set_num_threads(1)  # the figures of one core are those of any
    text = passages_from_texts(model, demo_texts(TRAINING_SEED, TRAINING_PASSAGES))
    sites = trainable_sites(model)
    if args.sites is not None:
        named = [name for name in args.sites.split(",") if name != "none"]
        sites = tuple(parse_site(name, model) for name in named)
    for site in sites:
        start_s = time.perf_counter()
        recipe = RECIPES[site.part]
        if args.steps is not None:
            recipe = replace(recipe, steps=args.steps)

        report = partial(print_training_progress, name=site.name)
        trained = run_to_completion(train_dictionaries_steps(model, [site], text, recipe), report)
        seconds = time.perf_counter() - start_s
        about = {"training": asdict(recipe), "training_tokens": text.n_tokens, "seconds": round(seconds)}
        write_saelens_folder(replace(trained.dictionaries[0], about=about), args.out / site.name)
    dictionaries = load_dictionaries([args.out], model)
    held_out = passages_from_texts(model, demo_texts(MEASURING_SEED, MEASURING_PASSAGES))
    figures = {
        dictionary.name: run_to_completion(measure_dictionary_steps(model, dictionary, held_out))
        for dictionary in dictionaries
    }
    together = run_to_completion(loss_recovered_steps(model, dictionaries, held_out))
    report_data = {
        "together": together,
        "dictionaries": {name: asdict(dictionary) for name, dictionary in figures.items()},
    }
    (args.out / FIGURES_FILE).write_text(json.dumps(report_data, indent=1) + "\n")
    (args.out / "README.md").write_text(write_dictionary_card(dictionaries, figures, together))
    write_index(model, dictionaries, held_out, args.out / "index")
    return 0


def write_index(model: Model, dictionaries: tuple[Dictionary, ...], passages: Passages, folder: Path) -> None:
    """Index what every feature fires on, and keep that one compressed file in a folder."""
    name = f"{dashboards.index_key(model, dictionaries, passages.hash)}.sqlite"
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, name)
        run_to_completion(dashboards.build_index_steps(model, dictionaries, passages, path)).close()
        data = lzma.compress(path.read_bytes(), preset=lzma.PRESET_EXTREME | 9)
    folder.mkdir(exist_ok=True)
    for before in folder.glob("*.xz"):
        before.unlink()
    (folder / f"{name}.xz").write_bytes(data)


def write_dictionary_card(
    dictionaries: tuple[Dictionary, ...], figures: dict[str, DictionaryQuality], recovered_together: float
) -> str:
    """Return the card's text, in Markdown."""
    recipe = dictionaries[0].about["training"]
    tokens, seconds = (
        dictionaries[0].about["training_tokens"],
        sum(dictionary.about["seconds"] for dictionary in dictionaries),
    )
    aims = f"{RECIPES['a'].sparsity} (SAEs) and {RECIPES['m'].sparsity} (transcoders)"
    rows = "\n".join(
        f"| `{name}` | {dictionary.features} | {dictionary.unexplained:.4f} | {dictionary.l0:.1f} | "
        f"{dictionary.dead:.1%} | {dictionary.recovered:.4f} |"
        for name, dictionary in figures.items()
    )
    measured = next(iter(figures.values())).tokens
    return f"""# Dictionaries of the circuitviz demo model

For every layer an SAE on the heads' outputs before W_O (`a0` to `a{dictionaries[-1].site.layer}`, read and
rebuilt at `attn.hook_z`) and a transcoder of the MLP (`m0` to `m{dictionaries[-1].site.layer}`, from
`mlp.hook_in` to `hook_mlp_out`). They belong to the model as it is, no weights folded. SAELens opens
each folder (`SAE.load_from_disk`). Made by `python -m circuitviz.training.demo.train_dictionaries`.

**Training.** Batch-top-k (Bussmann et al. 2024) with the auxiliary loss of Gao et al. 2024, saved as
JumpReLU with the running threshold: {recipe["steps"]} steps of {recipe["batch"]} tokens, Adam at
{recipe["rate"]:g}, on {tokens:,} tokens of the demo's own text (seed {TRAINING_SEED}), for {aims} active
features per token; {seconds / 60:.0f} minutes on one core for all of them.

**Measured** on {measured:,} tokens of text of another seed ({MEASURING_SEED}), beginnings of sequence
left out (`{FIGURES_FILE}`; a test recomputes them). `index` holds what each feature is active on in this
text, so that the window need not read it first:

| site | features | unexplained variance | L0 | dead | loss recovered |
| --- | --- | --- | --- | --- | --- |
{rows}

Unexplained variance: Σ‖y − ŷ‖² / Σ‖y − ȳ‖². L0: features active per token. Dead: features active at none
of these tokens. Loss recovered: (loss with zeros in the site's place − with the reconstruction) / (loss
with zeros − the model's loss), next-token cross-entropy. With all of them in the model at once it is
{recovered_together:.4f}.

**Use.** Subjects for trying feature circuits. The weights come under the project's licence.
"""


if __name__ == "__main__":
    sys.exit(main())
