"""A block's MLP as one function, however Hugging Face's block is written.

Most blocks call a module that maps the normalised stream to what the MLP writes. Some mixtures of experts
return router scores beside it (gpt-oss, Llama 4), and some blocks have no such module: OPT and XGLM call two
linear maps and an activation one by one, BLOOM's and MPT's module adds the residual stream itself. In those,
the two linear maps are replaced together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from circuitviz.errors import InputError
from circuitviz.models.forward_overrides import ReplacementForward, replaced_forward
from circuitviz.models.stored_weights import computing_device, to_computed


class Mlp:
    """An MLP that is one module; ``mlp(x)`` maps the normalised stream to what the MLP writes.

    Args:
        module: Hugging Face's module.
        returns_scores: Whether the module returns a tuple with router scores.
    """

    def __init__(self, module: nn.Module, returns_scores: bool = False) -> None:
        self._module, self._returns_scores = module, returns_scores

    @property
    def activations(self) -> list[nn.Module]:
        """The modules that apply a function to each hidden value."""
        return [module for module in self._module.modules() if is_activation(module)]

    @property
    def is_mixture(self) -> bool:
        """Whether it is a mixture of experts, with a router."""
        return any(
            "Expert" in type(m).__name__ or "Router" in type(m).__name__ for m in self._module.modules()
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Output of the MLP in the shape of its input [batch, time, d_model]."""
        device = computing_device(self._module) or x.device
        return self._first_output(self._module, x.to(device)).to(x.device)

    @contextmanager
    def replaced(self, replacement: ReplacementForward) -> Iterator[None]:
        """Let the block write what ``replacement(mlp, x)`` gives, within a ``with`` block."""

        def forward(original: Callable[[Tensor], Any], x: Tensor) -> Any:
            out = replacement(partial(self._first_output, original), x)
            return (out, None) if self._returns_scores else out  # nothing reads the scores

        with replaced_forward(self._module, forward):
            yield

    @staticmethod
    def _first_output(function: Callable[[Tensor], Any], x: Tensor) -> Tensor:
        """Llama 4's output is [batch · time, d_model]."""
        out = function(x)
        return (out[0] if isinstance(out, tuple) else out).view(x.shape)


class SplitMlp(Mlp):
    """An MLP that a block calls as two linear maps with an activation between them.

    Args:
        block: Hugging Face's block. OPT's flattens batch and time for its MLP; they are read from what the
            block is called with.
        first: The map to the hidden activations.
        activation: What is applied to them.
        second: The map to what the MLP writes.
    """

    def __init__(
        self, block: nn.Module, first: nn.Module, activation: Callable[[Tensor], Tensor], second: nn.Module
    ) -> None:
        self._first, self._activation, self._second = first, activation, second
        self._batch_shape: torch.Size | tuple[int, ...] = ()

        def keep_shape(_block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._batch_shape = (args[0] if args else kwargs["hidden_states"]).shape[:-1]

        block.register_forward_pre_hook(keep_shape, with_kwargs=True)

    @property
    def activations(self) -> list[nn.Module]:
        """The module between the two maps; empty where it is a function."""
        return [self._activation] if isinstance(self._activation, nn.Module) else []

    @property
    def is_mixture(self) -> bool:
        """False."""
        return False

    def __call__(self, x: Tensor) -> Tensor:
        """Output of the MLP in the shape of its input [batch, time, d_model]."""
        device = computing_device(self._first) or x.device
        out: Tensor = self._second(self._activation(self._first(x.to(device))))
        return out.to(x.device)

    @contextmanager
    def replaced(self, replacement: ReplacementForward) -> Iterator[None]:
        """Let the block write what ``replacement(mlp, x)`` gives, within a ``with`` block."""
        first, second = self._first.forward, self._second.forward
        inputs: list[Tensor] = []

        def original(x: Tensor) -> Tensor:
            out: Tensor = second(self._activation(first(x)))
            return out

        def keep_input(_original: Any, x: Tensor) -> Tensor:
            inputs.append(x)
            return x[..., :1]  # the activation of one number costs nothing, and is not read

        def write(_original: Any, x: Tensor) -> Tensor:
            stream = inputs.pop()
            out = replacement(original, stream.view(*self._batch_shape, stream.shape[-1]))
            return out.reshape(*x.shape[:-1], -1)

        with replaced_forward(self._first, keep_input), replaced_forward(self._second, write):
            yield


ACTIVATION_NAMES = ("activation_fn", "gelu_impl", "act")  # OPT and XGLM, BLOOM, MPT


def read_mlp(block: Any, d_model: int, model_name: str) -> Mlp:
    """The MLP of a bridge's block.

    Args:
        block: The bridge's block.
        d_model: Width of the stream.
        model_name: The model's name in error messages.

    Raises:
        InputError: The block calls the parts of its MLP, with an activation of an unknown name.
    """
    # transformer_lens takes seconds to import, and is loaded only when a model is opened
    from transformer_lens.model_bridge.generalized_components import MoEBridge

    module = block.mlp.original_component
    if block.mlp.name is None or takes_residual(module):  # without a name there is no module
        owner = module if block.mlp.name is not None else block.original_component
        activation = next((getattr(owner, name) for name in ACTIVATION_NAMES if hasattr(owner, name)), None)
        if activation is None:
            raise InputError(
                f"The model '{model_name}' calls the two linear maps of its MLP one by one, with an "
                "activation between them that is not known here; GPT-2, OPT, Llama and their kin work."
            )
        first, second = (getattr(block.mlp, name).original_component for name in ("in", "out"))
        return SplitMlp(block.original_component, first, activation, second)
    return Mlp(module, isinstance(block.mlp, MoEBridge) and _returns_tuple(module, d_model))


def is_activation(module: nn.Module) -> bool:
    """Whether a module is an activation function of torch or transformers."""
    return type(module).__module__ in ("torch.nn.modules.activation", "transformers.activations")


def takes_residual(module: Any) -> bool:
    """Whether a module is given the residual stream beside its input, and adds what it writes."""
    return "residual" in signature(module.forward).parameters


def _returns_tuple(module: Any, width: int) -> bool:
    """Whether a module returns a tuple, tested on a zero vector."""
    like = to_computed(next(module.parameters()), computing_device(module))
    with torch.no_grad():
        return isinstance(module(like.new_zeros(1, 1, width)), tuple)
