"""Opening a model by name: a model that can be patched, or one sentence that says why not."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from circuitviz.cancellation import Cancelled, check_cancelled
from circuitviz.dtypes import AUTO_DTYPE, DEVICE_CHOICES, FULL_DTYPE, check_dtype
from circuitviz.errors import ComputationError, InputError, first_error_line
from circuitviz.graph import Graph, ModelShape
from circuitviz.models.decomposition_checks import ReferencePass, check_decomposition, run_reference_passes
from circuitviz.models.deferred_imports import defer_imports
from circuitviz.models.folder_checks import ADAPTER_FILE, check_adapter
from circuitviz.models.hub import hub_access, is_download_forbidden, is_downloaded, probe_hub_steps
from circuitviz.models.model import Model
from circuitviz.models.prompt_tokenizer import PromptTokenizer
from circuitviz.models.stored_weights import (
    compute_in_float32,
    computing_in_float32,
    is_half,
    stored_weight,
)
from circuitviz.models.subprocess_guard import forbid_subprocesses
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.resources import resource_path

DEMO_MODEL = "demo"

logger = logging.getLogger(__name__)


def list_shipped_models() -> tuple[str, ...]:
    """Names of the models that ship with the application: the demo, and those of known circuits."""
    known = resource_path("known")
    return (DEMO_MODEL, *sorted(p.name for p in known.iterdir() if (p / "config.json").is_file()))


def local_folder(name: str) -> Path | None:
    """The folder of a model that ships or is given as one; None of a name that Hugging Face is asked for.

    Raises:
        InputError: The name is a folder that holds no model.
    """
    folder = Path(_resolve_location(name))
    return folder if folder.is_dir() else None


def is_local_model(name: str) -> bool:
    """Whether opening a model never asks Hugging Face; errors are those of ``local_folder``."""
    return local_folder(name) is not None


def load_model(name: str, device: str = "cpu", dtype: str = AUTO_DTYPE) -> Model:
    """Open a model for discovery, evaluation and readings.

    Weights are read with safetensors only, without weight processing, so that numbers are the Hugging Face
    model's own. Where Hugging Face does not answer, a name gives what was downloaded before.

    Args:
        name: A model that ships (``demo``), a local Hugging Face folder, or a Hugging Face name.
        device: ``cpu``, ``cuda``, or ``auto``, which takes a GPU where the model fits on one, spreads its
            layers over all GPUs and the host's memory where it does not, and is ``cpu`` without a GPU.
        dtype: The precision that matrices are kept in: ``float32``, ``bfloat16``, ``float16``, or ``auto``,
            which is float32 for models of up to 1.5 billion parameters on a CPU, and the checkpoint's own
            otherwise. Computations are in float32 whatever it is.

    Raises:
        InputError: There is no such model, device or precision, the model does not fit into memory, or the
            architecture cannot be taken apart.
        ComputationError: Loading fails on input that looked right.
    """
    return run_to_completion(load_model_steps(name, device, dtype))


def load_model_steps(name: str, device: str = "cpu", dtype: str = AUTO_DTYPE) -> ProgressSteps[Model]:
    """``load_model`` as a generator of progress, which yields while Hugging Face is looked for."""
    check_dtype(dtype)
    location = _resolve_location(name)
    is_folder = Path(location).is_dir()
    is_reachable = not is_folder and (yield from probe_hub_steps())
    if not is_folder and not is_reachable and not is_downloaded(name):
        raise InputError(_model_unavailable_message(name))  # before libraries load, which takes seconds
    target = _parse_device(device)
    # a folder is opened offline
    with hub_access(is_reachable), forbid_subprocesses(), warnings.catch_warnings(), defer_imports():
        warnings.simplefilter("ignore")  # advice about unused options
        return _open_model(name, location, target, dtype, is_reachable)


def _open_model(name: str, location: str, device: str, dtype: str, is_reachable: bool) -> Model:
    """Open what a folder or a name holds; whatever a library raises on damaged files becomes one sentence."""
    from circuitviz.models import hugging_face  # its libraries take seconds to import

    try:
        begun = time.perf_counter()
        hf, tokenizer, auto_dtype = hugging_face.load_model_and_tokenizer(name, location, device, dtype)
        model = from_hugging_face(hf, tokenizer, name, device)
        model.auto_dtype = auto_dtype
        logger.info(
            "opened %s (%s) on %s in %s in %.1f s",
            name,
            model.shape.description,
            model.placement.text,
            model.dtype,
            time.perf_counter() - begun,
        )
        return model
    except (InputError, ComputationError, KeyboardInterrupt, SystemExit, GeneratorExit, Cancelled):
        raise
    except BaseException as error:  # a panic of the tokenizers library is not an Exception
        if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
            raise ComputationError(f"The model '{name}' does not fit into this machine's memory.") from None
        raise InputError(_loading_failure_message(name, location, is_reachable, error)) from error


def from_hugging_face(hf: Any, tokenizer: Any, name: str, device: str = "cpu") -> Model:
    """Open a Hugging Face causal language model that is in memory, with its tokenizer.

    Matrices stay in the precision that they are in. The model is wrapped in place.

    Args:
        hf: The model.
        tokenizer: Its tokenizer.
        name: What documents and messages call it.
        device: ``cpu``, ``cuda``, or ``auto``: where accelerate has dispatched it, or else as ``load_model``
            chooses.

    Raises:
        InputError: The architecture cannot be taken apart, or the model has no room.
    """
    from circuitviz.models import hugging_face  # its libraries take seconds to import

    hf = hugging_face.extract_language_model(hf, name).eval().requires_grad_(False)
    parameters = dict(hf.named_parameters())  # before the bridge lists some of them twice
    dtype = _weight_dtype(parameters)
    placement = hugging_face.place_model(hf, name, device, dtype)
    if placement.main.type == "cuda":
        # no TF32: scores are differences of nearly equal numbers, and it keeps three digits of each
        torch.set_float32_matmul_precision("highest")
    parameters = dict(hf.named_parameters())
    with computing_in_float32(hf):
        reference = run_reference_passes(hf, name)  # before anything wraps it
    bridge = hugging_face.build_bridge(hf, name)
    bridge.requires_grad_(False)
    hugging_face.send_bridge_inputs(bridge, placement)
    compute_in_float32(hf)
    compute_in_float32(bridge)  # and modules that the bridge has made
    config = bridge.cfg
    shape = ModelShape(
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        d_model=config.d_model,
        n_kv_heads=_grouped_kv_heads(config),
        parallel=bool(config.parallel_attn_mlp),
        mlp=not config.attn_only and getattr(config, "d_mlp", 1) != 0,
    )
    n_ctx = int(getattr(config, "n_ctx", 0) or 1024)
    model = Model(
        name=name,
        bridge=bridge,
        tokens=PromptTokenizer(tokenizer, n_ctx, n_embeddings=len(stored_weight(hf.get_input_embeddings()))),
        graph=Graph.transformer(shape),
        placement=placement,
        dtype=dtype,
        auto_dtype=dtype,
        parameters=parameters,
    )
    _make_cancellable(bridge)
    _check_model(model, reference)
    return model


def _weight_dtype(parameters: Mapping[str, Tensor]) -> str:
    """The precision of the matrices, as files store it: that of the first in half precision, or float32."""
    half = (p.dtype for p in parameters.values() if p.dim() > 1 and is_half(p))
    return str(next(half, FULL_DTYPE)).removeprefix("torch.")


def _make_cancellable(bridge: Any) -> None:
    """Let every pass be cancelled between its modules."""
    blocks = getattr(bridge, "blocks", ())
    parts = [getattr(block, name, None) for block in blocks for name in ("attn", "mlp")]
    ends = [getattr(bridge, name, None) for name in ("ln_final", "unembed")]
    for part in (*blocks, *parts, *ends):
        if part is not None:
            part.register_forward_pre_hook(lambda *_: check_cancelled())


def _check_model(model: Model, reference: tuple[ReferencePass, ReferencePass]) -> None:
    """Read every block now, so that an unsupported architecture is refused before any work."""
    try:
        _ = model.layers, model.final_norm
        check_decomposition(model, reference)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"The model '{model.name}' has attention or MLP blocks that cannot be taken apart "
            f"({first_error_line(error)}); GPT-2, GPT-NeoX, Llama and their kin work."
        ) from error


def _resolve_location(name: str) -> str:
    if name == DEMO_MODEL:
        return str(resource_path("demo", "model"))
    if name in list_shipped_models():
        return str(resource_path("known", name))
    path = Path(name).expanduser()
    if path.is_dir():
        check_adapter(path / ADAPTER_FILE, name)
        if not (path / "config.json").is_file():
            raise InputError(
                f"'{name}' is a folder without config.json, so it is not a Hugging Face model; "
                "give a folder that holds config.json, *.safetensors and tokenizer.json."
            )
        if not list(path.glob("*.safetensors")):
            raise InputError(
                f"'{name}' holds no *.safetensors file; weights in other formats are not read "
                "because they can run code. Save the model with safe_serialization=True."
            )
        return str(path)
    if path.exists():
        raise InputError(
            f"'{name}' is a file; a model is 'demo', a Hugging Face name such as gpt2, or a folder "
            "that holds config.json and *.safetensors."
        )
    if name.startswith((".", "/", "~")) or (os.sep in name and name.count("/") > 1):
        raise InputError(
            f"There is no folder '{name}'; a model is 'demo', a Hugging Face name such as gpt2, "
            "or a folder that holds config.json and *.safetensors."
        )
    return name


def _parse_device(device: str) -> str:
    """Return a device's name unchanged, or say why there is none of that name."""
    availability = dict.fromkeys(DEVICE_CHOICES, True) | {"cuda": torch.cuda.is_available()}
    kind = device.partition(":")[0]
    if kind == "mps":
        raise InputError(
            f"The device '{device}' was asked for; scores are summed in float64, which Apple's GPUs do not "
            "have, so cpu would be right."
        )
    if kind not in availability:
        raise InputError(f"There is no device '{device}'; there is {', '.join(DEVICE_CHOICES)}.")
    if not availability[kind]:
        available = ", ".join(k for k, present in availability.items() if present)
        raise InputError(
            f"The device '{device}' was asked for, but this machine has none; it has {available}."
        )
    return device


def _grouped_kv_heads(config: Any) -> int | None:
    heads = getattr(config, "n_key_value_heads", None)
    return int(heads) if heads and heads != config.n_heads else None


def _loading_failure_message(name: str, location: str, is_reachable: bool, error: BaseException) -> str:
    is_folder = Path(location).is_dir()
    if "custom code" in str(error) or "trust_remote_code" in str(error):
        return (
            f"The model '{name}' brings Python code of its own (auto_map), which is never run; models of "
            "an architecture that transformers itself has work."
        )
    if is_folder:
        return (
            f"The folder '{name}' could not be opened as a language model "
            f"({first_error_line(error)}); it needs config.json, *.safetensors and a tokenizer that fit."
        )
    if not isinstance(error, OSError) and is_downloaded(name):
        return (
            f"The model '{name}' could not be opened as a language model ({first_error_line(error)}); GPT-2, "
            "GPT-NeoX, Llama and their kin work."
        )
    if not is_reachable:
        return _model_unavailable_message(name)
    return (
        f"There is no model '{name}' here: it is neither 'demo' nor a folder, and Hugging Face did "
        "not give it (a wrong name, or one that needs a login). Check the name, or download it and give its "
        "folder."
    )


def _model_unavailable_message(name: str) -> str:
    is_part = is_downloaded(name)
    if is_download_forbidden():
        return (
            f"The model '{name}' is {'only in part' if is_part else 'not'} on this machine, and what a file "
            "names is downloaded only when a person asks for it, as "
            f"'circuitviz evaluate FILE --model {name}' does."
        )
    return (
        f"There is no model '{name}' here: it is neither 'demo' nor a folder, Hugging Face does not "
        f"answer (no network), and it was {'downloaded only in part' if is_part else 'not downloaded'} "
        "before. Try again online, or give a folder."
    )
