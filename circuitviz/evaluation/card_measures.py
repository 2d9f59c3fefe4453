"""How the measures of a verdict card are taken: with less work than one by one, so that a card takes minutes.

A measure is registered with ``card_options=``, its options for a card, and ``card_prompts=``, the number of
the task's prompts that it is judged on there. The card's sentences say both. A measure that was taken with
other options, over all prompts, stays: a card measures only what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from circuitviz.evaluation.registry import MeasureInput, measures

JUDGED_PROMPTS_KEY = "judged_prompts"  # in a result: the prompts that it is of, where they are not all


@dataclass(frozen=True)
class CardMeasure:
    """A measure as a card takes it.

    Attributes:
        measure_input: The circuit on its bench, over fewer prompts where the measure says so.
        options: The measure's options.
        judged_prompts: The number of prompts; None where they are all of the task's.
    """

    measure_input: MeasureInput
    options: dict[str, Any]
    judged_prompts: int | None

    def as_dict(self, result: Any) -> dict[str, Any]:
        """The result as files hold it, with the number of prompts where they are not all."""
        prompts = {} if self.judged_prompts is None else {JUDGED_PROMPTS_KEY: self.judged_prompts}
        return result.as_dict() | prompts


def card_measure(name: str, measure_input: MeasureInput) -> CardMeasure:
    """How a card takes a measure of a circuit.

    Args:
        name: Name of the measure.
        measure_input: The circuit on its bench, over all prompts of the task.

    Raises:
        InputError: There is no such measure.
    """
    extra = measures.get(name).extra
    options, limit = dict(extra.get("card_options", {})), extra.get("card_prompts")
    setting = measure_input.bench.setting
    if limit is None or len(setting.task) <= limit:
        return CardMeasure(measure_input, options, None)
    some = replace(setting, task=setting.task.subset(range(limit)))
    bench = measure_input.bench.with_setting(some)
    return CardMeasure(replace(measure_input, bench=bench), options, limit)
