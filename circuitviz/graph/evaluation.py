"""Results of measuring a circuit's faithfulness: plain data for engine, document, files and window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.notebook_methods import NotebookObject


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % bootstrap interval over prompts.

    Attributes:
        value: None where it is undefined.
        low: Lower end; None where there is no interval, as for a single prompt.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Interval:
        """Return the interval of a JSON object with ``value``, ``low`` and ``high``."""
        return Interval(data["value"], data.get("low"), data.get("high"))


@dataclass(frozen=True, slots=True)
class FeatureResponse:
    """How a feature responds to changes of other nodes.

    Attributes:
        node: Its name.
        before: Its activation without the changes.
        after: Its activation with them.
        effect: What the difference does to the target, to first order.
    """

    node: str
    before: float
    after: float
    effect: float


@dataclass(frozen=True)
class TargetChange:
    """The change of the target in the whole model under interventions.

    Attributes:
        name: Name of the target.
        before: Its value without the change.
        predicted: The change that attribution predicts.
        frozen: The change with patterns, scales and active features held.
        free: The change in the real model.
        top_before: The most likely next tokens with their probabilities, before.
        top_after: The same after.
        responses: The features that responded most.
    """

    name: str
    before: float
    predicted: float
    frozen: float
    free: float
    top_before: tuple[tuple[str, float], ...] = ()
    top_after: tuple[tuple[str, float], ...] = ()
    responses: tuple[FeatureResponse, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the change as files and the command line hold it."""
        tops = {key: [list(pair) for pair in getattr(self, key)] for key in ("top_before", "top_after")}
        return {**asdict(self), **tops, "responses": [asdict(response) for response in self.responses]}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TargetChange:
        """Return the change that ``as_dict`` wrote."""
        values = {key: float(data[key]) for key in ("before", "predicted", "frozen", "free")}
        top_before, top_after = (
            tuple((str(token), float(share)) for token, share in data.get(key, ()))
            for key in ("top_before", "top_after")
        )
        responses = tuple(FeatureResponse(**response) for response in data.get("responses", ()))
        return TargetChange(
            str(data["name"]), **values, top_before=top_before, top_after=top_after, responses=responses
        )


@dataclass(frozen=True)
class PromptDetails:
    """Results that an evaluation on one prompt has besides those of one over a task.

    Attributes:
        completeness: Faithfulness of the model without the circuit; None where undefined or not measured yet.
        errors: Whether reconstruction errors were ``kept`` or ``dropped``.
        mean_of: What the ablation ``mean`` averages over, in words; empty for other ablations.
        target: The target's change in the whole model; None without interventions.
        frozen_faithfulness: Faithfulness in runs whose heads attend as on the prompt; None where that is
            undefined, not measured yet, or patterns cannot be set.
    """

    completeness: float | None = None
    errors: str = "kept"
    mean_of: str = ""
    target: TargetChange | None = None
    frozen_faithfulness: float | None = None


@dataclass(frozen=True)
class Evaluation(NotebookObject):
    """Faithfulness of a circuit, with the numbers behind it and the setting they were measured in.

    Attributes:
        faithfulness: (L(C) − L(∅)) / (L(M) − L(∅)), with its interval over prompts.
        circuit: L(C), the mean metric of the circuit.
        model: L(M), the mean metric of the full model.
        ablated: L(∅), the mean metric with everything ablated.
        metric: Name of the metric; of a circuit of one prompt, of the target.
        ablation: What replaces what is outside the circuit.
        prompts: Number of prompts.
        seed: Seed of the prompts and of the bootstrap.
        edges: Number of edges of the circuit.
        nodes: Number of its nodes.
        per_prompt: L of ``circuit``, ``model`` and ``ablated`` on each prompt, [prompts].
        prompt: Further results of an evaluation on one prompt; None over a task.
    """

    faithfulness: Interval
    circuit: float
    model: float
    ablated: float
    metric: str
    ablation: str
    prompts: int
    seed: int
    edges: int
    nodes: int
    per_prompt: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    prompt: PromptDetails | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them, ready for JSON."""
        setting: dict[str, Any] = {"metric": self.metric, "ablation": self.ablation}
        if self.prompt is not None:
            setting |= {"errors": self.prompt.errors, "mean_of": self.prompt.mean_of}
        data: dict[str, Any] = {"faithfulness": asdict(self.faithfulness)}
        if self.prompt is not None:
            data["completeness"] = self.prompt.completeness
            data["frozen_faithfulness"] = self.prompt.frozen_faithfulness
        data |= {
            "metric": {
                name: None if np.isnan(value := getattr(self, name)) else value
                for name in ("circuit", "model", "ablated")
            },
            "edges": self.edges,
            "nodes": self.nodes,
            "setting": {**setting, "prompts": self.prompts, "seed": self.seed},
        }
        if self.prompt is not None:
            data["target"] = None if self.prompt.target is None else self.prompt.target.as_dict()
        return data

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that ``as_dict`` wrote; values per prompt are not kept in files.

        Files that leave out a setting or a number of nodes are read with an empty text or 0 in its place.
        """
        metric, setting = data["metric"], data["setting"]
        prompt = None
        if "target" in data or "errors" in setting:
            target = data.get("target")
            prompt = PromptDetails(
                data.get("completeness"),
                str(setting.get("errors", "kept")),
                str(setting.get("mean_of", "")),
                None if target is None else TargetChange.from_dict(target),
                data.get("frozen_faithfulness"),
            )
        circuit, model, ablated = (
            float("nan") if metric[key] is None else float(metric[key])
            for key in ("circuit", "model", "ablated")
        )
        return Evaluation(
            Interval.from_dict(data["faithfulness"]),
            circuit,
            model,
            ablated,
            setting.get("metric") or "",
            setting.get("ablation") or "",
            int(setting["prompts"]),
            int(setting.get("seed") or 0),
            int(data["edges"]),
            int(data.get("nodes") or 0),
            prompt=prompt,
        )
