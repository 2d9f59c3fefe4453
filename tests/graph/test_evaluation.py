"""Evaluations are typed values: JSON is written at the edge and read back whole."""

from __future__ import annotations

import json

from circuitviz.graph import Evaluation, FeatureResponse, Interval, PromptDetails, TargetChange

OVER_TASK = Evaluation(
    Interval(0.9, 0.8, 1.1), 5.0, 5.5, 0.5, "logit-diff", "corrupted", prompts=64, seed=3, edges=200, nodes=36
)
CHANGE = TargetChange(
    "m3.f1@7",
    2.0,
    -1.0,
    -1.0,
    -0.5,
    ((" Mary", 0.75),),
    ((" John", 0.5),),
    (FeatureResponse("m2.f4@7", 1, 2, 3),),
)
OF_PROMPT = Evaluation(
    Interval(0.9), 5.0, 5.5, 0.5, "m3.f1@7", "mean", 1, 0, 20, 9,
    prompt=PromptDetails(0.1, "dropped", "24 passages", CHANGE),
)  # fmt: skip


def through_json(evaluation: Evaluation) -> Evaluation:
    return Evaluation.from_dict(json.loads(json.dumps(evaluation.as_dict())))


def test_an_evaluation_comes_back_whole() -> None:
    untouched = PromptDetails(None, "kept", "", None)
    undefined = Evaluation(Interval(None), 1.0, 0.0, 0.0, "kl", "zero", 2, 0, 0, 0, prompt=untouched)
    for evaluation in (OVER_TASK, OF_PROMPT, undefined):
        assert through_json(evaluation) == evaluation


def test_json_has_the_keys_of_the_command_line() -> None:
    data = OVER_TASK.as_dict()
    assert list(data) == ["faithfulness", "metric", "edges", "nodes", "setting"]
    assert data["setting"] == {"metric": "logit-diff", "ablation": "corrupted", "prompts": 64, "seed": 3}
    data = OF_PROMPT.as_dict()
    measured = ["faithfulness", "completeness", "frozen_faithfulness"]
    assert list(data) == [*measured, "metric", "edges", "nodes", "setting", "target"]
    assert data["setting"]["errors"] == "dropped" and data["target"]["responses"][0]["node"] == "m2.f4@7"


def test_older_files_may_say_less() -> None:
    data = OVER_TASK.as_dict()
    data["setting"], data["nodes"] = {"prompts": 8, "metric": None}, None
    evaluation = Evaluation.from_dict(data)
    assert (evaluation.metric, evaluation.ablation, evaluation.seed, evaluation.nodes) == ("", "", 0, 0)
    assert evaluation.faithfulness == OVER_TASK.faithfulness and evaluation.prompt is None
