"""Precision of weights, and where those of models and dictionaries are.

Free of torch, for command line and window.
"""

from __future__ import annotations

from circuitviz.errors import InputError, suggest_name

AUTO_DTYPE, FULL_DTYPE = "auto", "float32"
WEIGHT_DTYPES = (FULL_DTYPE, "bfloat16", "float16")
DTYPE_CHOICES = (AUTO_DTYPE, *WEIGHT_DTYPES)
DTYPE_TOOL_TIP = (
    "precision that the model's weights are kept in; bfloat16 and float16 take half the memory, computations "
    "are in float32; auto: float32 up to 1.5 billion parameters on cpu, else the checkpoint's own"
)
AUTO_DEVICE = "auto"
DEVICE_CHOICES = ("cpu", "cuda", AUTO_DEVICE)
DEVICE_TOOL_TIP = (
    "where the model computes; auto: on a GPU where it fits on one, else its layers are spread over all GPUs "
    "and the host's memory; without a GPU on cpu"
)
NO_OFFLOAD, OFFLOAD_TO_CPU, OFFLOAD_TO_DISK = OFFLOAD_CHOICES = ("none", "cpu", "disk")
OFFLOAD_TOOL_TIP = (
    "where dictionaries' encoders and decoders are; none: on the model's device; cpu: in the host's memory, "
    "copied to the device in parts as they are used; disk: as cpu, and given back after each use"
)
_default_offload = NO_OFFLOAD
BYTES_PER_VALUE = {FULL_DTYPE: 4, "bfloat16": 2, "float16": 2}
MAX_AUTO_FULL_VALUES = 1_500_000_000  # parameters up to which ``auto`` is float32 on a CPU


def check_dtype(name: str) -> str:
    """Return the name of a precision unchanged.

    Raises:
        InputError: There is no such precision.
    """
    if name not in DTYPE_CHOICES:
        raise InputError(
            f"There is no precision '{name}'; there is {', '.join(DTYPE_CHOICES)}."
            + suggest_name(name, DTYPE_CHOICES)
        )
    return name


def check_offload(name: str) -> str:
    """Return a place of encoders and decoders unchanged.

    Raises:
        InputError: There is no such place.
    """
    if name not in OFFLOAD_CHOICES:
        raise InputError(
            f"'{name}' was given as the place to offload dictionaries to; there is "
            f"{', '.join(OFFLOAD_CHOICES)}." + suggest_name(name, OFFLOAD_CHOICES)
        )
    return name


def default_offload() -> str:
    """Return where encoders and decoders are that are loaded without saying where."""
    return _default_offload


def set_default_offload(name: str) -> None:
    """Set where encoders and decoders are from now on that are loaded without saying where.

    Raises:
        InputError: There is no such place.
    """
    global _default_offload
    _default_offload = check_offload(name)


def auto_dtype(n_values: int, own_dtype: str, device_kind: str) -> str:
    """What ``auto`` stands for.

    Args:
        n_values: Number of the model's parameters.
        own_dtype: The precision of most of the checkpoint's values.
        device_kind: ``cpu`` or ``cuda``.

    Returns:
        float32 for models of up to ``MAX_AUTO_FULL_VALUES`` on a CPU; else the checkpoint's own precision, or
        float32 where that is none of ``WEIGHT_DTYPES``.
    """
    if device_kind == "cpu" and n_values <= MAX_AUTO_FULL_VALUES:
        return FULL_DTYPE
    return own_dtype if own_dtype in WEIGHT_DTYPES else FULL_DTYPE
