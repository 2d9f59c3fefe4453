"""The demo model on a prompt as its file has it, with hooks of the tests' own."""

from __future__ import annotations

from panel_host import CORRUPTED_PROMPT, PROMPT
from slow_causal import SlowModel, row, slow_circuit
from slow_path import DEMO, plain
from torch import Tensor

from circuitviz.features import load_dictionaries
from circuitviz.models import load_model
from circuitviz.resources import resource_path


class SlowPromptModel:
    """Ablates nodes of a circuit of ``PROMPT``, to the values that they have on ``CORRUPTED_PROMPT``."""

    def __init__(self) -> None:
        model = load_model("demo")
        self.right, self.wrong = (model.tokens.answer_id(PROMPT, name) for name in (" Mary", " John"))
        found = load_dictionaries([resource_path("demo", "dictionaries")], model)
        sites = {one.site.name: one for one in found}
        hf = plain(DEMO)
        self.model, other = (
            SlowModel(hf, sites, model.tokens.encode(text)) for text in (PROMPT, CORRUPTED_PROMPT)
        )
        other.logits(lambda site, value: value)
        self.others = other.parts

    def difference(self, logits: Tensor) -> float:
        return float(logits[self.right] - logits[self.wrong])

    def circuit(self, nodes: set[str], factors: dict[str, float] | None = None) -> float:
        return self.difference(slow_circuit(self.model, nodes, self.others, factors))

    def changed(self, out: list[str]) -> float:
        def change(site: str, value: Tensor) -> Tensor:
            for name in out:
                at, item, position = row(name)
                if at == site:
                    value[position, item] = self.others[site][position, item]
            return value

        return self.difference(self.model.logits(change))
