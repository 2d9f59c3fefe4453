"""A result for every chart, small and with numbers of which a test can say where they have to lie."""

from __future__ import annotations

from typing import Any

from circuitviz.plots import BarPlot
from circuitviz.workbench.requests.discover_prompt_circuit import FractionPoint


def _interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.05, "high": value + 0.04}


HEADS = [f"a{i // 4}.h{i % 4}" for i in range(16)]
POINTS = [{"asked": n, "edges": n, **_interval(1 - 1 / n**0.5)} for n in (2, 8, 30, 120, 500, 2000)]
RESULTS: dict[str, dict[str, Any]] = {
    "curve": {
        "points": POINTS, "cpr": 0.9, "cmd": 0.1, "cpr_clipped": 0.88,
        "areas": {"cpr": _interval(0.9), "cmd": _interval(0.1), "cpr_clipped": _interval(0.88)},
        "random": [{"asked": p["asked"], "edges": p["edges"], "circuits": 20, **_interval(0.05)} for p in POINTS],
    },
    "ranking-course": {"points": [{"step": n, "edges": 200, "prompts": 8, **_interval(1 - 1 / n**0.5)} for n in (9, 50, 300)]},
    "rivals": {"found": 2, "edges": 30, "faithfulness": [_interval(0.9), _interval(0.91), _interval(0.89)], "rivals": [["m0->m1"]] * 2, "core": ["input->m0"],
               "iou": [[1.0, 0.2, 0.3], [0.2, 1.0, 0.4], [0.3, 0.4, 1.0]], "prompts": [{"prompt": 3, "text": "a b", "metric": [0.5, 1.0, 0.7]}], "tolerance": 0.02},
    "generalisation": {"edges": 30, "splits": [{"split": name, "difference": f"other {name}", "prompts": [8, 8], "in_sample": _interval(0.9),
                                                "held_out": _interval(0.8), "iou": 0.5} for name in ("prompts", "answers")]},
    "mib": {"rows": [{"method": name, "task": "t", "sample": "held-out", "prompts": 8, "error": "", "cpr": _interval(0.9), "cmd": _interval(0.1), "cpr_clipped": _interval(0.9)}
                     for name in ("eap", "random")]},
    "random": {"asked": 30, "edges": 30.0, "circuits": 3, **_interval(0.1), "values": [0.06, 0.1, 0.13], "own": _interval(0.9)},
    "completeness": {
        "sets": [
            {"kind": kind, "name": kind, "nodes": ["a0.h1"], "gap": 0.1, "model": _interval(0.9 - 0.2 * i),
             "circuit": _interval(0.8 - 0.3 * i)}
            for i, kind in enumerate(("random", "class", "greedy"))
        ]
    },
    "minimality": {
        "nodes": [{"node": head, "value": 0.5 / (i + 1), "change": _interval(0.5 / (i + 1)), "without": []}
                  for i, head in enumerate(HEADS)]
    },
    "backup": {
        "heads": [{"node": head, "before": i / 9, "after": (7 - i) / 9, "change": _interval((7 - 2 * i) / 9)}
                  for i, head in enumerate(HEADS)],
        "metric": {"before": 3.2, "after": 1.1}, "ablated": ["a2.h6"],
    },
    "effects": {"nodes": [{"node": head, **_interval((8 - i) / 9)} for i, head in enumerate(HEADS)]},
    "robustness": {
        "cells": [{"ablation": ablation, "metric": metric, "patched": "edges", **_interval(0.4 * (i + j))}
                  for i, ablation in enumerate(("corrupted", "mean-positional"))
                  for j, metric in enumerate(("logit-diff", "kl", "accuracy"))]
    },
    "stability": {"edges": {f"m{i}->logits": 1 - i / 9 for i in range(9)}, "resamples": 9, "mean_iou": 0.7},
    "ranking": {"rows": [{"method": m, "curve": {"recall": [0.1, 0.5, 1.0], "precision": [1.0, 0.8, 0.4]}}
                         for m in ("eap", "eap-ig")], "strong": "eap"},
    "reuse": {"names": ["here", "a longer name"], "what": "nodes", "nodes": [[1.0, 0.5], [0.25, None]],
              "common": [[["a0.h1"]] * 2] * 2},
    "ablations": {
        "target": "m3.f5", "cells": [{"ablation": "mean", "errors": e, "patterns": p, "faithfulness": 0.8, "completeness": None,
                                      "circuit": 2.0, "rest": 0.1, "model": 2.4, "ablated": 0.0}
                                     for e in ("kept", "dropped") for p in ("free", "frozen")],
    },
    "fraction": {"tau": 0.02, "points": [FractionPoint(10.0**-i, 9 * i, 0.3 * i) for i in (1, 2, 3)]},
    "predicted": {
        "response": "free", "target": "m3.f5", "r": 0.93,
        "points": [{"node": head, "predicted": i / 9, "measured": i / 8 - 0.2} for i, head in enumerate(HEADS)],
    },
    "sizes": {"ablation": "mean", "points": [{"nodes": n, "last": "m1.f3", "faithfulness": 1 - 1 / n, "completeness": 1 / n}
                                             for n in (1, 3, 10, 200)]},
    "amounts": {"points": POINTS, "most": 32491, "edges": 200, "value": 0.8},
    "activations": {"bins": [45, 10, 30, 4, 0, 100, 3, 0, 0], "reach": 46.0},
    "course": {"curves": {"a1": ([25, 50, 75], [1.0, 0.5, 0.2])}, "what": "Unexplained variance", "least": 0.1},
    "sweep-curves": {"lines": [{"label": name, "points": POINTS} for name in ("eap", "gim")]},
    "trace-scatter": {"target": "m3.f5", "activations": [1.0, 2.0, 4.5], "similarities": [0.2, 0.4, 0.6],
                      "texts": ["a", "b", "c"], "correlation": 0.9},
    "trace-sites": {"sites": [{"site": f"m{i}", "mean": 0.3, "low": 0.2, "high": 0.5, "pairs": 9} for i in range(3)]},
    "shares": {"axis": "logits", "shares": [(f"m{i}.f7", 1 - i / 2, "") for i in range(4)]},
    "plain": {"plot": BarPlot(HEADS, [(8 - i) / 9 for i in range(16)], "logits", nodes=HEADS)},
    "roles": {"roles": {"mover": {"role": "Name Mover", "unit": "share", "scores": dict.fromkeys(HEADS, 0.4)}}},
}  # fmt: skip
