"""Digests of the files that a cell reads, so that other weights or prompts are another cell."""

from __future__ import annotations

import hashlib
from pathlib import Path

SAMPLED_BLOCKS = 64
BLOCK_BYTES = 4096
WHOLE_FILE_BYTES = 32 * 2**20  # larger files are sampled: weights of 16 GB would take a minute each time


def digest_file(path: Path) -> str:
    """SHA-256 of a file; of one above 32 MiB: of its size and of 64 blocks of 4 KiB evenly over it.

    A change of weights changes nearly every block, one of a single number may be overlooked.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_FILE_BYTES:
            return hashlib.file_digest(file, "sha256").hexdigest()
        found = hashlib.sha256(str(size).encode())
        for block in range(SAMPLED_BLOCKS):
            file.seek((size - BLOCK_BYTES) * block // (SAMPLED_BLOCKS - 1))
            found.update(file.read(BLOCK_BYTES))
        return found.hexdigest()


def digest_model_folder(folder: Path) -> str:
    """SHA-256 over the names and digests of a Hugging Face folder's configuration, tokenizer and weights."""
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in (".json", ".safetensors", ".model", ".txt", ".jinja"):
            found.update(f"{path.name}\0{digest_file(path)}\n".encode())
    return found.hexdigest()
