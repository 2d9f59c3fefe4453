"""Writes the models with known circuits, and their true edges, into ``resources/known``.

Run it so::

    pip install tracr-pypi==1.0.0 safetensors tokenizers
    python tests/tasks/ground_truth/build.py
"""

from __future__ import annotations

import json
from pathlib import Path

from layout import Plan, write
from truths import CARDS, TRUTHS

ROOT = Path(__file__).resolve().parents[3] / "resources" / "known"


def build(name: str, plan: Plan, seed: int, root: Path = ROOT) -> None:
    """One model with its card and a reference for each ablation."""
    folder = root / name
    write(plan, folder, seed)
    (folder / "README.md").write_text(CARDS[name], encoding="utf-8")
    for ablation, edges in TRUTHS[name].items():
        text = {
            "reference": f"{name}-{ablation}",
            "about": f"the edges that matter to '{name}' under {ablation} ablation, by construction",
            "model": name,
            "task": name,
            "ablation": ablation,
            "sources": ["tests/tasks/ground_truth: the weights say what each head and MLP reads"],
            "shape": {"n_layers": plan.layers, "n_heads": 4, "d_model": 64},
            "edges": edges,
        }
        path = folder / f"{name}-{ablation}.reference.json"
        path.write_text(json.dumps(text, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """All of them."""
    from backup import backup
    from compiled import reverse, x_proportion

    build("reverse", reverse(), seed=1)
    build("x-proportion", x_proportion(), seed=2)
    build("backup", backup(), seed=3)


if __name__ == "__main__":
    main()
