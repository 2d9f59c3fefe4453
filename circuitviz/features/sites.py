"""Sites of dictionaries: where in a layer they read and write, by the hook names of three tools."""

from __future__ import annotations

import re
from dataclasses import dataclass

from circuitviz.errors import InputError

_MLP_INPUT_HOOKS = {
    "ln2.hook_normalized": "normalised",
    "ln2.hook_out": "normalised",
    "mlp.hook_in": "normalised",
    "ln2.hook_in": "stream",
    "hook_mlp_in": "stream",
    "hook_resid_mid": "stream",
}
_Z_HOOKS = ("attn.hook_z", "attn.o.hook_in")
_ATTENTION_OUTPUT_HOOKS = ("hook_attn_out", "attn.hook_out", "ln1_post.hook_out")
_MLP_OUTPUT_HOOKS = ("hook_mlp_out", "mlp.hook_out", "ln2_post.hook_out")
_STREAM_BEFORE_HOOKS = ("hook_resid_pre", "hook_in")
_STREAM_AFTER_HOOKS = ("hook_resid_post", "hook_out")
RESIDUAL_PART = "r"
PARTS = ("a", "m", RESIDUAL_PART)


@dataclass(frozen=True, slots=True)
class DictionarySite:
    """Where a dictionary reads and writes.

    Attributes:
        layer: The layer.
        part: ``a``, attention's output; ``m``, the MLP's output; ``r``, the residual stream before the
            layer, which for the number of layers is the stream after the last.
        reads: ``z``: all heads' values side by side; ``written``: the part's output, or the stream itself;
            ``normalised``: the MLP's input after its normalisation; ``stream``: before it.
    """

    layer: int
    part: str
    reads: str

    @property
    def name(self) -> str:
        """``a3``, ``m3`` or ``r3``."""
        return f"{self.part}{self.layer}"

    @property
    def description(self) -> str:
        """What is written there, for messages."""
        if self.is_residual:
            return f"the residual stream before layer {self.layer}, or after the one below"
        return f"what {'attention' if self.part == 'a' else 'the MLP'} of layer {self.layer} writes"

    @property
    def is_residual(self) -> bool:
        """Whether it reads and writes the residual stream at one point."""
        return self.part == RESIDUAL_PART

    @property
    def is_transcoder(self) -> bool:
        """Whether it reads the MLP's input and writes the MLP's output."""
        return self.reads in ("normalised", "stream")

    @property
    def hooks(self) -> tuple[str, str]:
        """TransformerLens' names of the points that are read and written."""
        if self.is_residual:
            hook = f"blocks.{self.layer - 1}.hook_resid_post" if self.layer else "blocks.0.hook_resid_pre"
            return hook, hook
        block = f"blocks.{self.layer}."
        written = block + ("hook_attn_out" if self.part == "a" else "hook_mlp_out")
        if self.reads == "z":
            return block + "attn.hook_z", block + "attn.hook_z"
        read_hooks = {"normalised": "mlp.hook_in", "stream": "hook_mlp_in", "written": written[len(block) :]}
        return block + read_hooks[self.reads], written

    @staticmethod
    def from_hooks(hook: str, hook_out: str | None = None) -> DictionarySite:
        """Return the site of a dictionary by the points that it reads and writes.

        Raises:
            InputError: The points are no site's.

        >>> hooks = "blocks.3.attn.hook_z", "blocks.3.hook_resid_post"
        >>> [DictionarySite.from_hooks(hook).name for hook in hooks]
        ['a3', 'r4']
        """
        read_match = re.fullmatch(r"blocks\.(\d+)\.(.+)", hook or "")
        write_match = re.fullmatch(r"blocks\.(\d+)\.(.+)", hook_out) if hook_out else read_match
        if read_match and write_match and read_match[1] == write_match[1]:
            layer, read, written = int(read_match[1]), read_match[2], write_match[2]
            if written == read:
                if read in _Z_HOOKS:
                    return DictionarySite(layer, "a", "z")
                if read in _ATTENTION_OUTPUT_HOOKS:
                    return DictionarySite(layer, "a", "written")
                if read in _MLP_OUTPUT_HOOKS:
                    return DictionarySite(layer, "m", "written")
                if read in (*_STREAM_BEFORE_HOOKS, *_STREAM_AFTER_HOOKS):
                    return DictionarySite(layer + (read in _STREAM_AFTER_HOOKS), RESIDUAL_PART, "written")
            elif read in _MLP_INPUT_HOOKS and written in _MLP_OUTPUT_HOOKS:
                return DictionarySite(layer, "m", _MLP_INPUT_HOOKS[read])
        hook, written_text = hook[:60], f" and writes '{hook_out[:60]}'" if hook_out else ""
        raise InputError(
            f"The dictionary reads '{hook}'{written_text}; SAEs on attn.hook_z, hook_attn_out, hook_mlp_out, "
            "hook_resid_pre or hook_resid_post, and transcoders from ln2.hook_normalized, mlp.hook_in or "
            "hook_resid_mid to hook_mlp_out of the same layer can be used."
        )
