"""A graph as circuit-tracer writes it and its viewer saves it, of any size, from a seed."""

from __future__ import annotations

import json
import random
from typing import Any

WORDS = ("<bos>", "Fact", ":", " the", " capital", " of", " the", " state", " containing", " Dallas", " is")
LOGITS = (" Austin", " Texas", " the", " Dallas", " Houston", " San")
CLERPS = (
    "say Austin",
    "Texas & its cities",
    "capital cities",
    "<b>state</b> names",
    "“is” after a place",
    "",
)


def tracer_graph(nodes: int = 700, layers: int = 26, seed: int = 0, saved: bool = True) -> dict[str, Any]:
    """Features, errors, tokens and logits of one prompt; ``saved``: with qParams as the viewer's Save has them."""
    pick = random.Random(seed)
    last, made, seen = len(WORDS) - 1, [], set()

    def node(
        node_id: str, layer: str, at: int, kind: str, short: str, feature: int, **more: Any
    ) -> dict[str, Any]:
        plain = {
            "token_prob": 0.0,
            "is_target_logit": False,
            "run_idx": 0,
            "reverse_ctx_idx": 0,
            "clerp": "",
            "influence": None,
            "activation": None,
        }
        return {
            "node_id": node_id,
            "feature": feature,
            "layer": layer,
            "ctx_idx": at,
            "feature_type": kind,
            "jsNodeId": short,
            **plain,
            **more,
        }

    while len(made) < nodes - len(WORDS) - len(LOGITS):
        layer, at = pick.randrange(layers), min(last, max(1, round(pick.gauss(8, 2.6))))
        if pick.random() < 0.12:
            key = ("e", layer, at)
            new = node(f"0_{layer}_{at}", str(layer), at, "mlp reconstruction error", f"{layer}_{at}-0", -1)
        else:
            index = pick.randrange(16384)
            key = ("f", layer, index, at)
            new = node(
                f"{layer}_{index}_{at}", str(layer), at, "cross layer transcoder", f"{layer}_{index}-0",
                (layer + index) * (layer + index + 1) // 2 + index,
                activation=round(pick.expovariate(0.1), 3), clerp=pick.choice(CLERPS) if pick.random() < 0.5 else "",
            )  # fmt: skip
        if key not in seen:
            seen.add(key)
            made.append(new)
    made.sort(key=lambda n: (n["feature_type"], int(n["layer"]), n["ctx_idx"]))
    tokens = [node(f"E_{500 + i}_{i}", "E", i, "embedding", f"E_{500 + i}-{i}", i) for i in range(len(WORDS))]
    share, logits = 0.5, []
    for i, word in enumerate(LOGITS):
        said = {"token_prob": share, "is_target_logit": i == 0, "clerp": f'Output "{word}" (p={share:.3f})'}
        logits.append(
            node(
                f"{layers + 1}_{900 + i}_{last}",
                str(layers + 1),
                last,
                "logit",
                f"L_{900 + i}-{last}",
                900 + i,
                **said,
            )
        )
        share /= 2
    for place, each in enumerate(pick.sample([*made, *tokens], len(made) + len(tokens))):
        each["influence"] = round(0.8 * (place + 1) / nodes, 6)
    depth = {"embedding": -1, "logit": 99}
    order = sorted(
        [*tokens, *made, *logits],
        key=lambda n: (
            depth.get(n["feature_type"], 0)
            or 2 * int(n["layer"]) + (n["feature_type"] != "mlp reconstruction error")
        ),
    )
    links = []
    for i, target in enumerate(order):
        if target["feature_type"] in ("embedding", "mlp reconstruction error"):
            continue
        below = [n for n in order[:i] if n["ctx_idx"] <= target["ctx_idx"] and n["layer"] != target["layer"]]
        links += [
            {"source": n["node_id"], "target": target["node_id"], "weight": round(pick.gauss(0.3, 1), 4)}
            for n in pick.sample(below, min(len(below), 4))
        ]
    features = [n["node_id"] for n in made if n["feature_type"] == "cross layer transcoder"]
    groups = [
        ["Texas", *features[10:16]],
        ["say a capital", *features[200:209]],
        ["Dallas", *features[400:403]],
    ]
    pins = [
        *features[10:16],
        *features[200:209],
        *features[400:403],
        *features[500:506],
        "E_509_9",
        logits[0]["node_id"],
    ]
    params: dict[str, Any] = {
        "linkType": "both",
        "pinnedIds": pins,
        "supernodes": groups,
        "clickedId": groups[1][4],
        "sg_pos": "",
    }
    if saved:  # what stands in the address: texts
        number = made[[n["node_id"] for n in made].index(features[500])]["feature"]
        params |= {
            "pinnedIds": ",".join(pins),
            "supernodes": json.dumps(groups),
            "clerps": json.dumps([[str(number), "my own name"]]),
        }
    metadata = {
        "slug": "dallas-austin",
        "scan": "gemma-2-2b",
        "transcoder_list": [],
        "prompt_tokens": list(WORDS),
        "prompt": "".join(WORDS[1:]),
        "node_threshold": 0.8,
        "schema_version": 1,
    }
    return {"metadata": metadata, "qParams": params, "nodes": [*made, *tokens, *logits], "links": links}
