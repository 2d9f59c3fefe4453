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


@dataclass(frozen=True, slots=True)
class DictionarySite:
    """Where a dictionary reads and writes.

    Attributes:
        layer: The layer.
        part: ``a``, attention's output, or ``m``, the MLP's output.
        reads: ``z``: all heads' values side by side; ``written``: the part's output; ``normalised``: the
            MLP's input after its normalisation; ``stream``: before it.
    """

    layer: int
    part: str
    reads: str

    @property
    def name(self) -> str:
        """``a3`` or ``m3``."""
        return f"{self.part}{self.layer}"

    @property
    def is_transcoder(self) -> bool:
        """Whether it reads the MLP's input and writes the MLP's output."""
        return self.reads in ("normalised", "stream")

    @property
    def hooks(self) -> tuple[str, str]:
        """TransformerLens' names of the points that are read and written."""
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

        >>> DictionarySite.from_hooks("blocks.3.attn.hook_z").name
        'a3'
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
            elif read in _MLP_INPUT_HOOKS and written in _MLP_OUTPUT_HOOKS:
                return DictionarySite(layer, "m", _MLP_INPUT_HOOKS[read])
        hook, written_text = hook[:60], f" and writes '{hook_out[:60]}'" if hook_out else ""
        raise InputError(
            f"The dictionary reads '{hook}'{written_text}; SAEs on attn.hook_z, hook_attn_out or "
            "hook_mlp_out, and transcoders from ln2.hook_normalized, mlp.hook_in or hook_resid_mid to "
            "hook_mlp_out of the same layer can be used."
        )
