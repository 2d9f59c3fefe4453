"""Whether a model does a task at all: plain data for engine, document, files and window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from circuitviz.graph.evaluation import Interval
from circuitviz.graph.scores import Scores

TASK_CHECK_KEY = "task_check"  # key in ``Scores.info`` and in files


@dataclass(frozen=True, slots=True)
class TaskCheck:
    """A model's answers to the clean and to the corrupted prompts of a task.

    Attributes:
        model: Name of the model; of a local one, its folder's, so that files name no path.
        task: Name of the task.
        metric: Name of the metric.
        prompts: Number of pairs.
        two_sided: Whether every prompt has incorrect answers.
        accuracy: Share of clean prompts whose best correct answer has a larger logit than every incorrect
            one; of prompts without incorrect answers, than every other token.
        corrupted_accuracy: The same on the corrupted prompts, with the answers to the clean ones.
        chance: The accuracy of drawing one of a prompt's answers, or without incorrect ones one of the
            vocabulary, at random.
        clean: Mean metric on the clean prompts.
        corrupted: Mean metric on the corrupted prompts.
        difference: Mean difference of the two, over pairs.
    """

    model: str
    task: str
    metric: str
    prompts: int
    two_sided: bool
    accuracy: Interval
    corrupted_accuracy: Interval
    chance: float
    clean: Interval
    corrupted: Interval
    difference: Interval

    @property
    def warning(self) -> str:
        """Why a circuit of this behaviour would be noise, in sentences; empty where the model does the task.

        It does the task where the interval of its accuracy is above chance, and that of the difference
        between the metric on clean and on corrupted prompts above zero. Without incorrect answers the
        difference alone decides: a correct answer need not be the likeliest of all tokens.
        """
        if self.two_sided and not _is_above(self.accuracy, self.chance):
            reason = (
                f"'{self.model}' does not do the task '{self.task}': accuracy {_text(self.accuracy)} on "
                f"{_prompts_text(self.prompts)}, chance {self.chance:.2f}."
            )
        elif not _is_above(self.difference, 0.0):
            reason = (
                f"'{self.model}' does not tell the clean from the corrupted prompts of the task "
                f"'{self.task}': {self.metric} {_text(self.clean, 3)} and {_text(self.corrupted, 3)}."
            )
        else:
            return ""
        return f"{reason} A circuit of a behaviour that is not there is noise."

    @property
    def summary(self) -> str:
        """Accuracy and metric in one line."""
        return (
            f"{self.model} on {self.task}: accuracy {_text(self.accuracy)}, chance "
            f"{self.chance:.2f}; {self.metric} {_text(self.clean, 3)} on clean and "
            f"{_text(self.corrupted, 3)} on corrupted prompts ({_prompts_text(self.prompts)})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the check as files and the command line hold it."""
        return asdict(self)

    def add_to(self, scores: Scores) -> Scores:
        """Return scores of the task that hold the check."""
        return replace(scores, info={**scores.info, TASK_CHECK_KEY: self.as_dict()})

    @staticmethod
    def of_scores(scores: Scores | None) -> TaskCheck | None:
        """Return the check that was made before a search; None where none was."""
        data = None if scores is None else scores.info.get(TASK_CHECK_KEY)
        return None if data is None else TaskCheck.from_dict(data)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TaskCheck:
        """Return the check that ``as_dict`` wrote."""
        intervals = {
            name: Interval.from_dict(data[name])
            for name in ("accuracy", "corrupted_accuracy", "clean", "corrupted", "difference")
        }
        return TaskCheck(
            model=str(data["model"]),
            task=str(data["task"]),
            metric=str(data["metric"]),
            prompts=int(data["prompts"]),
            two_sided=bool(data["two_sided"]),
            chance=float(data["chance"]),
            **intervals,
        )


def _is_above(interval: Interval, level: float) -> bool:
    """Whether a value, with its whole interval where it has one, is above a level."""
    lowest = interval.value if interval.low is None else interval.low
    return lowest is not None and lowest > level


def _text(interval: Interval, digits: int = 2) -> str:
    if interval.value is None:
        return "undefined"
    text = f"{interval.value:.{digits}f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _prompts_text(number: int) -> str:
    return f"{number:,} prompt{'s' if number != 1 else ''}"
