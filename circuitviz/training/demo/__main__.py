"""``python -m circuitviz.training.demo`` trains the demo model from a seed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from circuitviz.resources import resource_path
from circuitviz.training.demo.behaviours import measure_behaviours
from circuitviz.training.demo.model_card import write_model_card
from circuitviz.training.demo.tokenizer import save_tokenizer, train_tokenizer
from circuitviz.training.demo.train_model import ModelRecipe, train_model


def main(argv: list[str] | None = None) -> int:
    """Train, measure and write the demo model; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m circuitviz.training.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=resource_path("demo", "model"))
    parser.add_argument("--steps", type=int, default=None, help="training steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    recipe = ModelRecipe(seed=args.seed, **({"steps": args.steps} if args.steps else {}))
    start_s = time.perf_counter()
    tokenizer = train_tokenizer(args.seed)
    print(f"tokenizer: {len(tokenizer)} tokens", file=sys.stderr, flush=True)

    def report(step: int, loss: float, seconds: float, model: Any) -> None:
        line = f"step {step:5d}  loss {loss:.3f}  {seconds:5.0f} s"
        if step % 500 == 0:
            model.eval()
            figures = measure_behaviours(model, tokenizer, prompts=100, seed=2)
            model.train()
            line += "  " + "  ".join(f"{k} {v:.2f}" for k, v in figures.items())
        print(line, file=sys.stderr, flush=True)

    model = train_model(recipe, tokenizer, report)
    seconds = time.perf_counter() - start_s
    figures = measure_behaviours(model, tokenizer)
    args.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(args.out)
    save_tokenizer(tokenizer, args.out)
    (args.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (args.out / "README.md").write_text(write_model_card(recipe, figures, len(tokenizer), seconds))
    print(json.dumps(figures, indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
