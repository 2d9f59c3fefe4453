"""Checks that a folder's configuration fits its weights, before anything of their size is allocated.

Sizes in ``config.json`` decide how many modules and how much memory a library allocates, so a wrong number
there could take hours or all memory. The headers of the ``*.safetensors`` files say which sizes there are.
Adapters, quantised weights and incomplete folders are refused here too, with the reason: libraries would
ignore them, load them where their packages are installed, or fill in random numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from circuitviz.dtypes import FULL_DTYPE
from circuitviz.errors import InputError

CONFIG_FILE, WEIGHTS_PATTERN = "config.json", "*.safetensors"
WEIGHTS_FILE, SHARD_INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
ADAPTER_FILE = "adapter_config.json"
QUANTISATION_KEYS = ("quantization_config", "quantization")  # of transformers, and of MLX
DEQUANTISED_METHODS = frozenset(("mxfp4",))  # transformers computes their values without a package or a GPU
MAX_JSON_BYTES = {CONFIG_FILE: 2**22, "tokenizer.json": 2**28}  # real ones: kilobytes, and 33 MB
MAX_OTHER_TEXT_BYTES = 2**26
TEXT_SUFFIXES = frozenset((".json", ".jinja", ".txt", ".model"))  # files of tokenizers and templates
MAX_CONFIG_NUMBER = 2**53  # the largest real ones are bases of rotary embeddings
ALWAYS_ALLOWED_COUNT = 1024  # allowed whatever the size of the weights
LAYER_COUNT_KEY = re.compile(r"(num|n)_(hidden_)?layers?")
SIZE_KEY = re.compile(r"layer|head|expert|group|type|size|dim|embd|inner")
MAX_TENSORS, MAX_AXIS_LENGTH = 2**12, 2**24  # bounds before weights are downloaded: layers, widths
MAX_BUFFER_BYTES = 2**28  # masks, rotary tables
DTYPE_OF_CODE = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}  # in safetensors' headers
BYTES_PER_PARAMETER = 4  # float32
MAX_PARAMETERS_PER_VALUE = 8  # of quantised weights


def check_folder(path: Path) -> int:
    """Check a model's folder by the headers of its weights; no tensor is read.

    A number of layers is at most the number of tensors; other counts and widths are at most the longest axis
    of a tensor, or 1,024.

    Args:
        path: The folder.

    Returns:
        The number of values in the weights.

    Raises:
        InputError: ``config.json`` does not fit the weights, or a file is too large or not regular.
    """
    for file in path.iterdir():
        if not (file.is_file() or file.is_dir()):
            raise InputError(f"'{file}' is not a regular file; a model's folder holds files alone.")
        limit = MAX_JSON_BYTES.get(file.name, MAX_OTHER_TEXT_BYTES)
        if file.suffix in TEXT_SUFFIXES and file.stat().st_size > limit:
            raise InputError(f"'{file}' has {file.stat().st_size:,} bytes; at most {limit:,} are read.")
    check_quantisation(path / CONFIG_FILE, str(path))
    check_shards(path, str(path))
    tensors = {name: shape for name, (shape, _) in tensor_headers(path).items()}
    longest = max((length for shape in tensors.values() for length in shape), default=0)
    check_counts(path / CONFIG_FILE, len(tensors), longest)
    return sum(map(math.prod, tensors.values()))


def check_adapter(path: Path, name: str) -> None:
    """Check that a file does not configure an adapter, such as PEFT's LoRA.

    An adapter is a change of another model's weights. transformers applies it where peft is installed, and
    ignores it elsewhere.

    Args:
        path: Where ``adapter_config.json`` would be.
        name: The model's name in error messages.

    Raises:
        InputError: There is such a file.
    """
    if not path.is_file():
        return
    base = _read_json_object(path).get("base_model_name_or_path")
    base_text = f" for the model '{base[:100]}'" if isinstance(base, str) and base.isprintable() else ""
    raise InputError(
        f"'{name}' holds an adapter ({ADAPTER_FILE}){base_text}, and no model alone. Merge it into that "
        "model (peft: merge_and_unload, then save_pretrained) and give the merged folder, without "
        f"{ADAPTER_FILE}."
    )


def check_quantisation(path: Path, name: str) -> None:
    """Check that weights are not quantised, or that their values are computed when they are loaded.

    Args:
        path: The ``config.json`` file.
        name: The model's name in error messages.

    Raises:
        InputError: They are quantised by another method than ``DEQUANTISED_METHODS``.
    """
    method = _quantisation_method(_read_json_object(path))
    if method is not None and method not in DEQUANTISED_METHODS:
        raise InputError(
            f"'{name}': {CONFIG_FILE} says that the weights are quantised ({method[:60]}). Scores are "
            "computed from the matrices themselves, which such weights do not hold; the checkpoint that they "
            "were made from, in bfloat16, float16 or float32, would be right."
        )


def _quantisation_method(config: Mapping[str, Any]) -> str | None:
    """The method by which a configuration says that its weights are quantised, or None."""
    parts = (config, *(part for part in config.values() if isinstance(part, dict)))  # such as text_config
    for stated in (part[key] for part in parts for key in QUANTISATION_KEYS if part.get(key)):
        method = stated.get("quant_method") if isinstance(stated, dict) else None
        return str(method or stated)
    return None


def check_shards(path: Path, name: str) -> None:
    """Check that the weights are one file, or that every shard that an index names is there.

    Args:
        path: The folder.
        name: The model's name in error messages.

    Raises:
        InputError: Files are missing.
    """
    index = path / SHARD_INDEX_FILE
    if (path / WEIGHTS_FILE).is_file():
        return
    if not index.is_file():
        raise InputError(
            f"'{name}' holds neither {WEIGHTS_FILE} nor {SHARD_INDEX_FILE}, which says what is in which "
            "shard. Download what is missing, or all of it again."
        )
    weight_map = _read_json_object(index).get("weight_map")
    shards = sorted({str(shard) for shard in weight_map.values()}) if isinstance(weight_map, dict) else []
    missing = [shard for shard in shards if not (path / shard).is_file()]
    if missing or not shards:
        problem = (
            f"{len(missing)} of the {len(shards)} shards that {SHARD_INDEX_FILE} names, the first: "
            f"'{missing[0][:100]}'"
            if shards
            else f"the names of shards in {SHARD_INDEX_FILE}"
        )
        raise InputError(f"'{name}' lacks {problem}. Download what is missing, or all of it again.")


def check_counts(path: Path, tensors: int = MAX_TENSORS, longest: int = MAX_AXIS_LENGTH) -> None:
    """Check the numbers in a ``config.json`` against what the weights can have.

    Args:
        path: The ``config.json`` file.
        tensors: Number of tensors in the weights.
        longest: The longest axis of a tensor. Without this and ``tensors``, bounds that no known model
            reaches are used.

    Raises:
        InputError: A number is out of bounds.
    """
    size_limit = max(longest, tensors, ALWAYS_ALLOWED_COUNT)
    for name, value in _config_numbers(_read_json_object(path), ()):
        if LAYER_COUNT_KEY.fullmatch(name[-1]):
            limit, reason = tensors, f"there are {tensors:,} tensors at most"
        elif any(SIZE_KEY.search(part) for part in name):
            limit, reason = size_limit, f"the longest axis of a tensor has {longest:,}"
        else:
            limit, reason = MAX_CONFIG_NUMBER, f"{MAX_CONFIG_NUMBER:,} is the largest that is read"
        if not -limit <= value <= limit:
            raise InputError(
                f"'{path.parent}': {CONFIG_FILE} gives {'.'.join(name)[:60]} as {_shorten_number(value)}, "
                f"but {reason}; the configuration that belongs to these weights would be right."
            )


def tensor_headers(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of every tensor in a folder's ``*.safetensors`` files, by name, from headers alone.

    Raises:
        InputError: A file is not a complete safetensors file.
    """
    headers: dict[str, tuple[tuple[int, ...], str]] = {}
    for file in sorted(path.glob(WEIGHTS_PATTERN)):
        try:
            with safe_open(file, "pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (not a mapping)
                    tensor = weights.get_slice(name)
                    headers[name] = tuple(tensor.get_shape()), tensor.get_dtype()
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(
                f"'{file}' is not a whole safetensors file ({str(error)[:200]}); download or save it again."
            ) from error
    return headers


def main_dtype(path: Path) -> str:
    """The precision of most values in a folder's weights, packed ones left out."""
    counts: Counter[str] = Counter()
    for shape, code in tensor_headers(path).values():
        if code in DTYPE_OF_CODE:
            counts[DTYPE_OF_CODE[code]] += math.prod(shape)
    return counts.most_common(1)[0][0] if counts else FULL_DTYPE


def check_model_size(skeleton: Any, n_values: int, path: Path) -> None:
    """Check that a configuration does not describe a much larger model than the weights.

    Args:
        skeleton: The model that the configuration describes, on torch's ``meta`` device.
        n_values: Number of values in the weights.
        path: The folder, for error messages.

    Raises:
        InputError: The model is too large for the weights.
    """
    tensors = (*skeleton.parameters(), *skeleton.buffers())
    sizes = {id(tensor): tensor.numel() * BYTES_PER_PARAMETER for tensor in tensors}
    if sum(sizes.values()) > MAX_PARAMETERS_PER_VALUE * BYTES_PER_PARAMETER * n_values + MAX_BUFFER_BYTES:
        raise InputError(
            f"'{path}': {CONFIG_FILE} describes a model of {sum(sizes.values()) // BYTES_PER_PARAMETER:,} "
            f"values, but the weights have {n_values:,}; the configuration that belongs to these weights "
            "would be right."
        )


def check_loading_report(info: Mapping[str, Any], name: str) -> None:
    """Check that loading initialised every parameter from the files; missing ones would be random numbers.

    Args:
        info: ``from_pretrained``'s ``output_loading_info``.
        name: The model's name in error messages.

    Raises:
        InputError: Parameters are missing, have other sizes, or blocks of the files are unused.
    """
    unused = sorted(filter(_is_block_weight, info["unexpected_keys"]))
    for problem, keys in (
        ("have other sizes than config.json gives", sorted(key for key, *_ in info["mismatched_keys"])),
        ("lack parameters of the model", sorted(info["missing_keys"])),
        ("hold parameters that the model has no place for", unused),
    ):
        if keys:
            raise InputError(
                f"The weights of '{name}' {problem} ({len(keys)}, the first: '{keys[0][:100]}'); the "
                "configuration that belongs to these weights, or whole weights, would be right."
            )


def check_vocabulary(tokenizer: Any, n_embeddings: int, name: str) -> None:
    """Check that a tokenizer has a vocabulary, and that all of it has embeddings.

    Without files, transformers makes a tokenizer of special tokens alone. Embeddings beyond the vocabulary
    are usual, and never asked for. Tokens that were added to a vocabulary, such as one for padding, may lie
    beyond the embeddings: they are refused where a prompt holds them.

    Args:
        tokenizer: The Hugging Face tokenizer.
        n_embeddings: How many token ids the model has embeddings for.
        name: The model's name in error messages.

    Raises:
        InputError: There are no tokens, or one has no embedding.
    """
    vocabulary, added = tokenizer.get_vocab(), tokenizer.get_added_vocab()
    if set(vocabulary.values()) <= set(tokenizer.all_special_ids):
        raise InputError(
            f"'{name}' holds no tokenizer, or one that has special tokens alone; the tokenizer.json that "
            "belongs to these weights would be right."
        )
    ids = {token: i for token, i in vocabulary.items() if token not in added}
    if unembedded := [token for token, i in ids.items() if i >= n_embeddings]:
        last = max(ids, key=ids.__getitem__)
        raise InputError(
            f"The tokenizer of '{name}' has {len(ids):,} tokens with ids up to {ids[last]:,} "
            f"({last[:60]!r}), but the model has embeddings for 0 to {n_embeddings - 1:,} alone "
            f"({len(unembedded):,} tokens have none); the tokenizer that belongs to these weights would be "
            "right."
        )


def _is_block_weight(key: str) -> bool:
    """Whether a tensor is a weight of a numbered block; old files also hold masks and rotary tables."""
    return key.endswith(".weight") and re.search(r"\.\d+\.", key) is not None


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"'{path}' is not JSON ({str(error)[:100]}); Hugging Face's own file would be right."
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"'{path}' holds no JSON object; Hugging Face's own file would be right.")
    return config


def _config_numbers(value: Any, name: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every whole number in a configuration, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _config_numbers(item, (*name, key))
    elif isinstance(value, list):
        for item in value:
            yield from _config_numbers(item, name)
    elif name and not isinstance(value, bool) and (isinstance(value, int) or value in (math.inf, -math.inf)):
        yield name, value


def _shorten_number(value: float) -> str:
    return f"{value:,}" if abs(value) < 10**15 else f"a number of {len(str(value))} digits"
