"""Folders of dictionaries that are changed at random: each is opened and can encode, or is refused in one clear sentence.

Run as a program with a number of folders and a seed, it limits its own memory, and prints what happened.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from mutations import mutate, mutate_bytes, mutate_json, mutate_words
from peak_memory import peak_memory_bytes
from safetensors.torch import load, save

from circuitviz.errors import ComputationError, InputError
from circuitviz.features import load_dictionaries, node_table, run_prompt

MEMORY = 6 * 2**30  # bytes of address space, torch's libraries included
PATIENCE = 20.0  # seconds after which a folder counts as one that never ends
LONGEST = 700  # letters of an error
WIDTH, FEATURES = 128, 24
CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
GATED = ("r_mag", "b_mag", "b_gate")
STRANGE: list[torch.Tensor] = [
    torch.zeros(0),
    torch.zeros(()),
    torch.full((FEATURES,), torch.nan),
    torch.full((FEATURES,), torch.inf),
    torch.ones(FEATURES, dtype=torch.int64),
    torch.ones(FEATURES, dtype=torch.bool),
    torch.ones(FEATURES, dtype=torch.bfloat16),
    torch.ones(WIDTH, 3),
    torch.ones(1, WIDTH, FEATURES),
]


def seeds(path: Path) -> list[tuple[dict[str, Any], bytes]]:
    """A configuration and its weights of each architecture, old and new; then an old torch file's bytes."""
    hook = {"hook_name": "blocks.1.attn.hook_z"}
    of_mlp = {"hook_name": "blocks.1.mlp.hook_in", "hook_name_out": "blocks.1.hook_mlp_out"}
    kinds: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("standard", ("b_enc",), {}),
        ("gated", GATED, {}),
        ("topk", ("b_enc",), {"k": 5, "rescale_acts_by_decoder_norm": True}),
        ("jumprelu", ("b_enc", "threshold"), {}),
        ("jumprelu", ("b_enc", "log_threshold"), {}),
        ("transcoder", ("b_enc",), {"d_out": WIDTH}),
        ("jumprelu_skip_transcoder", ("b_enc", "threshold", "W_skip"), {"d_out": WIDTH}),
    ]
    found = []
    for number, (architecture, vectors, more) in enumerate(kinds):
        torch.manual_seed(number)
        state = {
            "W_enc": torch.randn(WIDTH, FEATURES),
            "W_dec": torch.randn(FEATURES, WIDTH),
            "b_dec": torch.randn(WIDTH),
        }
        state |= {
            name: torch.randn(WIDTH, WIDTH) if name == "W_skip" else torch.randn(FEATURES) for name in vectors
        }
        transcoder = "transcoder" in architecture
        about = of_mlp if transcoder else hook
        sizes = {
            "d_in": WIDTH,
            "d_sae": FEATURES,
            "dtype": "float32",
            "device": "cpu",
            "apply_b_dec_to_input": not transcoder,
        }
        kwargs = {"center_writing_weights": False}
        metadata = {
            "sae_lens_version": "6.54.0",
            "model_name": "demo",
            "model_from_pretrained_kwargs": kwargs,
            **about,
        }
        found.append(({"architecture": architecture, **sizes, **more, "metadata": metadata}, save(state)))
        old = {
            "sae_lens_training_version": "3.1.0",
            "activation_fn_str": "relu",
            "finetuning_scaling_factor": False,
        }
        if architecture == "topk":
            old |= {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 5}}
            architecture = "standard"
        found.append(({"architecture": architecture, **sizes, **more, **old, **about}, save(state)))
    return found


def legacy(path: Path) -> bytes:
    """The bytes of a transcoder of Dunefsky et al."""
    torch.manual_seed(0)
    state = {"W_enc": torch.randn(WIDTH, FEATURES), "W_dec": torch.randn(FEATURES, WIDTH), "b_enc": torch.randn(FEATURES),
             "b_dec": torch.randn(WIDTH), "b_dec_out": torch.randn(WIDTH)}  # fmt: skip
    config = {
        "hook_point": "blocks.2.ln2.hook_normalized",
        "out_hook_point": "blocks.2.hook_mlp_out",
        "model_name": "gpt2",
    }
    torch.save({"cfg": config, "state_dict": state}, path)
    return path.read_bytes()


def mutate_weights(data: bytes, pick: random.Random, others: list[bytes]) -> bytes:
    """Tensors exchanged, renamed or removed; or the header's own numbers; or bytes."""
    chance = pick.random()
    if chance < 0.6:
        state = load(data)
        for _ in range(pick.choice((1, 1, 2))):
            name = pick.choice(list(state)) if state else "W_enc"
            match pick.randrange(6):
                case 0:
                    state.pop(name, None)
                case 1:
                    state[
                        pick.choice(
                            ("scaling_factor", "threshold", "b_enc", "W_skip", "W_more", "\n", "x" * 300)
                        )
                    ] = torch.randn(FEATURES)
                case 2:
                    state[name] = pick.choice(STRANGE).clone()
                case 3:
                    state[name] = (
                        state[name].T.contiguous()
                        if name in state and state[name].dim() == 2
                        else torch.randn(3)
                    )
                case 4:
                    state[name] = state.get(name, torch.ones(2)).to(
                        pick.choice((torch.float16, torch.float64, torch.int32))
                    )
                case _:
                    state = load(pick.choice(others))
        return save(state)
    if chance < 0.8:
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        for _ in range(pick.choice((1, 2))):
            mutate(header, pick)
        if pick.random() < 0.4:  # sizes that no file can hold
            one = pick.choice(
                [v for v in header.values() if isinstance(v, dict) and isinstance(v.get("shape"), list)]
                or [{}]
            )
            one["shape"] = [pick.choice((2**20, 2**40, 2**62, -1)) for _ in range(pick.choice((1, 2, 3)))]
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + size :]
    return mutate_bytes(data, pick, others)


def mutated(
    folder: Path, pick: random.Random, good: list[tuple[dict[str, Any], bytes]], torch_file: bytes
) -> None:
    """One folder of a dictionary, or one torch file."""
    if pick.random() < 0.1:
        (folder / "one.pt").write_bytes(mutate_bytes(torch_file, pick, [torch_file]))
        return
    one = folder / "one"
    one.mkdir()
    config, weights = pick.choice(good)
    others = [other for _, other in good]
    text = json.dumps(config).encode()
    chance = pick.random()
    if chance < 0.5:
        text = mutate_json(text, pick)
    elif chance < 0.6:
        text = mutate_words(text, pick)
    elif chance < 0.65:
        text = mutate_bytes(text, pick, [text])
    if chance > 0.6:
        weights = mutate_weights(weights, pick, others)
    (one / CONFIG).write_bytes(text)
    name = WEIGHTS if pick.random() < 0.95 else pick.choice(("sae.safetensors", "ae.pt", "", "nothing/"))
    if name.endswith("/"):
        (one / WEIGHTS).mkdir()
    elif name:
        (one / name).write_bytes(weights)


def run(number: int, seed: int) -> dict[str, Any]:
    """Shake and open so many; ``faults`` are those that are neither opened nor refused in a sentence."""
    from circuitviz.models import load_model

    outcome: Counter[str] = Counter(opened=0, refused=0)
    faults: list[str] = []
    pick, slowest = random.Random(seed), 0.0
    model = load_model("demo")
    prompt = run_prompt(model, [3, 17, 250, 4])

    def never(*_: object) -> None:
        raise AssertionError("it never ends")

    signal.signal(signal.SIGALRM, never)
    warnings.simplefilter("ignore")  # random dictionaries fit nothing
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good, torch_file = seeds(folder), legacy(folder / "seed.pt")
        for at in range(number):
            shutil.rmtree(folder)
            folder.mkdir()
            mutated(folder, pick, good, torch_file)
            began = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            try:
                table = node_table(prompt, load_dictionaries([folder], model))
                assert torch.isfinite(table.activation).all()
                outcome["opened"] += 1
            except (InputError, ComputationError) as error:
                text = str(error)
                if "\n" in text or not 10 < len(text) < LONGEST or not text.endswith("."):
                    faults.append(f"folder {at} of seed {seed}: {text!r}")
                outcome["refused"] += 1
            except Exception as error:
                faults.append(
                    f"folder {at} of seed {seed}: {''.join(traceback.format_exception(error)[-4:])}"
                )
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            slowest = max(slowest, time.monotonic() - began)
    peak = peak_memory_bytes() / 2**20
    return {**outcome, "slowest_seconds": round(slowest, 3), "peak_mb": round(peak), "faults": faults}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told = run(int(sys.argv[1]), int(sys.argv[2]))
    print("\n".join(told["faults"]), file=sys.stderr)
    print(json.dumps({**told, "faults": len(told["faults"])}))
