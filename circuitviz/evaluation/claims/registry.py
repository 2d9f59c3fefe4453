"""Registry of claim tests, and the verdict that an interval over prompts gives.

A test is registered with ``@claim_tests.register(name, summary=…, options=…, says=…)``: ``says`` turns
options into the claim in words, and ``of="features"`` marks a test of features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery import TaskSetting
from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.feature_activations import is_feature_name
from circuitviz.graph import BoolMatrix, Interval
from circuitviz.models import Model
from circuitviz.options import build_options
from circuitviz.progress import ProgressSteps
from circuitviz.registry import Registry
from circuitviz.tasks import Task, tasks


@dataclass(frozen=True, eq=False)
class ClaimSubject:
    """What a claim is about: nodes, or edges by name, in a setting.

    Attributes:
        setting: Model, task, metric and ablation; None for a circuit of one prompt without a counterfactual.
        nodes: The nodes.
        edges: The edges.
        name_movers: Heads that are labelled as name movers.
        dictionaries: The dictionaries of a circuit with features.
        prompt_model: The model, where there is no setting.
    """

    setting: TaskSetting | None
    nodes: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    name_movers: tuple[str, ...] = ()
    dictionaries: Sequence[Dictionary] = ()
    prompt_model: Model | None = None

    @property
    def required_setting(self) -> TaskSetting:
        """The setting.

        Raises:
            InputError: There is none; the message says which pairs can be named instead.
        """
        if self.setting is None:
            raise InputError(
                "The circuit is of one prompt without a counterfactual, so it has no pairs of its own; name "
                f"those of a task ({', '.join(tasks.names())}), or a CSV or JSONL file of pairs."
            )
        return self.setting

    @property
    def model(self) -> Model:
        """The model that is run."""
        return self.prompt_model if self.prompt_model is not None else self.required_setting.model

    @property
    def task(self) -> Task:
        """The document's task; InputError where it has none."""
        return self.required_setting.task

    def edges_without_subject(self) -> BoolMatrix:
        """Return the model's edges [senders, receivers] without those that the claim is about.

        Raises:
            InputError: A name writes nothing that could be patched.
        """
        graph = self.model.graph
        mask = graph.mask.copy()
        for name in self.nodes:
            if name not in graph.sender_index:
                raise InputError(f"'{name}' writes nothing that could be patched; heads, MLPs and input do.")
            mask[graph.sender_index[name]] = False
        for name in self.edges:
            mask[graph.edge(name)] = False
        if (mask == graph.mask).all():
            raise InputError("The label speaks of nothing in this model, so there is nothing to patch.")
        return mask


@dataclass(frozen=True)
class ClaimResult:
    """What a test measured, and its verdict.

    Attributes:
        effect: The effect with its interval.
        verdict: ``holds``, ``fails`` or ``undecided``.
        effect_description: What the effect is, in words.
        prompts: The number of prompts.
        prompts_hash: SHA-256 of the very prompts that were run.
        seed: Their seed.
        detail: Further numbers in words.
        extra_numbers: Further numbers by name.
    """

    effect: Interval
    verdict: str
    effect_description: str
    prompts: int
    prompts_hash: str
    seed: int
    detail: str = ""
    extra_numbers: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        return {
            "verdict": self.verdict,
            "effect": self.effect.value,
            "low": self.effect.low,
            "high": self.effect.high,
            "measured": self.effect_description,
            "prompts": self.prompts,
            "prompts_hash": self.prompts_hash,
            "seed": self.seed,
            "detail": self.detail,
            **self.extra_numbers,
        }


def verdict_at_least(effect: Interval, threshold: float) -> str:
    """Return ``holds`` where all of the interval is at least ``threshold``, ``fails`` where all is less."""
    if effect.value is None:
        return "undecided"
    low, high = _bounds(effect)
    return "holds" if low >= threshold else "fails" if high < threshold else "undecided"


def verdict_near_zero(effect: Interval, threshold: float) -> str:
    """Return ``holds`` where all of the interval is nearer 0 than ``threshold``, ``fails`` where none is."""
    if effect.value is None:
        return "undecided"
    low, high = _bounds(effect)
    if -threshold < low and high < threshold:
        return "holds"
    return "fails" if low >= threshold or high <= -threshold else "undecided"


def negated(effect: Interval) -> Interval:
    """Return the same effect with the opposite sign."""
    value, low, high = (None if v is None else -v for v in (effect.value, effect.low, effect.high))
    return Interval(value, high, low)


def verdict_for(expected: str, effect: Interval, threshold: float) -> str:
    """Return the verdict on an effect that is expected to rise, to fall or to stay near 0.

    Args:
        expected: ``more``, ``rises`` or ``moves``; ``less`` or ``falls``; ``same`` or ``stays``.
        effect: The effect with its interval.
        threshold: Least size of an effect.
    """
    if expected in ("same", "stays"):
        return verdict_near_zero(effect, threshold)
    return verdict_at_least(negated(effect) if expected in ("less", "falls") else effect, threshold)


def share_of_clean(difference: NDArray[np.float64], clean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a difference divided by the size of the clean value, NaN where that is 0."""
    size = np.abs(clean)
    with np.errstate(divide="ignore", invalid="ignore"):
        share: NDArray[np.float64] = np.where(size > 1e-9, difference / size, np.nan)
    return share


def _bounds(effect: Interval) -> tuple[float, float]:
    value = np.nan if effect.value is None else effect.value
    return (value if effect.low is None else effect.low, value if effect.high is None else effect.high)


ClaimTest = Callable[[ClaimSubject, Any], ProgressSteps[ClaimResult]]

claim_tests: Registry[ClaimTest] = Registry(
    "test of a claim", "circuitviz.evaluation.claims", "circuitviz.claims"
)
"""Registered with ``says``, a function from options to the claim in words, and ``of="features"`` for tests of
features."""


def applicable_claim_tests(nodes: Sequence[str]) -> list[str]:
    """Return the tests that suit a label's nodes: those of features, or those of heads and MLPs."""
    kind = "features" if nodes and all(is_feature_name(name) for name in nodes) else "parts"
    return [entry.name for entry in claim_tests.entries() if entry.extra.get("of", "parts") == kind]


def claim_test_steps(name: str, subject: ClaimSubject, **options: object) -> ProgressSteps[ClaimResult]:
    """Start a claim test by name.

    Args:
        name: The test's name.
        subject: What the claim is about.
        **options: Options of the test.

    Returns:
        A generator whose result is the finding.

    Raises:
        InputError: The name or an option is unknown. Raised at once.
    """
    entry = claim_tests.get(name)
    return entry.value(subject, build_options(entry.options, options))
