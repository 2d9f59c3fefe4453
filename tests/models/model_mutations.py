"""Model folders whose files are changed at random: each opens, or gives one clear sentence.

Run as a program with a number of folders and a seed, it limits its own memory, and prints what happened.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from mutations import mutate_bytes, mutate_json
from peak_memory import peak_memory_bytes
from tiny_tokenizers import byte_level, qwen2, word_level

from circuitviz.errors import ComputationError, InputError
from circuitviz.models import load_model

MEMORY_BYTES = 2 * 2**30  # above what the libraries have taken when the first model is open
LIMIT_S = 20.0  # after which opening counts as endless
LONGEST = 600  # letters of an error
FILES = ("config.json", "config.json", "config.json", "model.safetensors", "model.safetensors",
         "tokenizer.json", "tokenizer_config.json", "generation_config.json")  # fmt: skip
COUNTS = (0, -1, 1, 3, 7, 10**5, 10**9, 2**63, 10**30)  # what a number in config.json may become


def make_folders(folder: Path) -> list[dict[str, bytes]]:
    """The files of good models: a GPT-2, a Llama-like Qwen2 and a Gemma-3 that reads images too."""
    from gemma3 import gemma3
    from transformers import GPT2Config, GPT2LMHeadModel

    words, pieces = word_level("<s>", True), byte_level()
    torch.manual_seed(0)
    gpt2 = GPT2LMHeadModel(
        GPT2Config(
            n_layer=2,
            n_head=2,
            n_embd=8,
            vocab_size=len(words),
            n_positions=16,
            bos_token_id=12,
            eos_token_id=12,
        )
    )
    made = []
    for name, hf, tokenizer in (
        ("gpt2", gpt2, words),
        ("qwen2", qwen2(len(pieces)), pieces),
        ("gemma3", *gemma3()),
    ):
        hf.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        made.append({file.name: file.read_bytes() for file in (folder / name).iterdir()})
    return made


def changed(files: dict[str, bytes], pick: random.Random) -> dict[str, bytes]:
    """One folder with a change in one file: in its JSON, in a safetensors header, or anywhere in its bytes."""
    name = pick.choice(FILES)
    data, others = files[name], list(files.values())
    if name == "config.json" and pick.random() < 0.5:
        data = _recounted(data, pick)
    elif name == "model.safetensors" and pick.random() < 0.6:
        length = struct.unpack("<Q", data[:8])[0]
        header = mutate_json(data[8 : 8 + length], pick)
        length = len(header) if pick.random() < 0.9 else pick.choice((0, 2**31, 2**63 - 1))
        data = struct.pack("<Q", length) + header + data[8 + struct.unpack("<Q", files[name][:8])[0] :]
    elif name.endswith(".json") and pick.random() < 0.75:
        data = mutate_json(data, pick)
    else:
        data = mutate_bytes(data, pick, others)
    made = {**files, name: data}
    if pick.random() < 0.03:
        del made[pick.choice(list(made))]
    return made


def _recounted(data: bytes, pick: random.Random) -> bytes:
    """A configuration with another number in the place of one."""
    config = json.loads(data)
    part = pick.choice([config, *(value for value in config.values() if isinstance(value, dict))])
    numbers = [key for key, value in part.items() if isinstance(value, int | float)]
    if numbers:
        part[pick.choice(numbers)] = pick.choice(COUNTS)
    return json.dumps(config).encode()


def run(number: int, seed: int) -> dict[str, Any]:
    """Change and open so many folders; ``faults`` are those that give neither a model nor an error of ours."""
    outcome: Counter[str] = Counter(models=0, errors=0)
    faults: list[str] = []
    pick, slowest = random.Random(seed), 0.0

    def never(*_: object) -> None:
        raise AssertionError("it never ends")

    signal.signal(signal.SIGALRM, never)
    with tempfile.TemporaryDirectory() as name:
        good = make_folders(Path(name))
        for folder in Path(name).iterdir():
            load_model(str(folder))
        _limit_memory()
        folder = Path(name) / "changed"
        folder.mkdir()
        for at in range(number):
            files = changed(pick.choice(good), pick)
            for file, data in files.items():
                (folder / file).write_bytes(data)
            began = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
            try:
                model = load_model(str(folder))
                assert torch.isfinite(model.logits(torch.tensor([[0, 1]]), torch.tensor([1]))).all()
                outcome["models"] += 1
            except (InputError, ComputationError) as error:
                text = str(error)
                if "\n" in text or not 10 < len(text) < LONGEST or "never ends" in text:
                    faults.append(f"folder {at} of seed {seed}: {text!r}")
                outcome["errors"] += 1
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                faults.append(
                    f"folder {at} of seed {seed}: {''.join(traceback.format_exception(error)[-4:])}"
                )
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            slowest = max(slowest, time.monotonic() - began)
            for file in folder.iterdir():
                file.unlink()
    peak = peak_memory_bytes() / 2**20
    return {**outcome, "slowest_seconds": round(slowest, 3), "peak_mb": round(peak), "faults": faults}


def _limit_memory() -> None:
    """The libraries' own address space, and so much more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    result = run(int(sys.argv[1]), int(sys.argv[2]))
    print("\n".join(result["faults"]), file=sys.stderr)
    print(json.dumps({**result, "faults": len(result["faults"])}))
