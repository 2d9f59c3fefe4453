"""Readings that panels follow: what cannot be read is a sentence, and long ones tell what they have."""

from __future__ import annotations

from dataclasses import replace

from conftest import Case

from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.messages import ProgressReported
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.read_direct_effects import ReadDirectEffects
from circuitviz.workbench.requests.read_patching_map import VARYING_TOKEN, ReadPatchingMap


def opened(case: Case, ablation: str = "corrupted", metric: str | None = None) -> Engine:
    engine = Engine()
    engine.model = case.model
    engine.set_task(case.task, metric, ablation)
    return engine


def test_patching_tells_what_it_has_until_it_has_all(demo: Case) -> None:
    engine = opened(demo)
    replies = list(engine.execute(ReadPatchingMap(None)))
    seen = [reply for reply in replies if isinstance(reply, QueryResult)]
    assert [one.done for one in seen] == [False] * (len(seen) - 1) + [True] and len(seen) > 2
    assert any(isinstance(reply, ProgressReported) and "%" in reply.message for reply in replies)
    assert (seen[0].result.effects == 0).sum() > (seen[-1].result.effects == 0).sum()
    tokens = seen[-1].result.tokens
    assert VARYING_TOKEN in tokens and tokens[0] == demo.task.prompt_strings(0)[0]
    assert not seen[-1].result.effects[:, : seen[-1].result.begin].any()


def test_one_prompt_has_no_mean(demo: Case) -> None:
    (reply,) = opened(demo, "mean").execute(ReadPatchingMap(1))
    assert isinstance(reply, QueryResult) and "all prompts would be right" in reply.refusal


def test_effects_want_incorrect_answers(demo: Case) -> None:
    one_sided = replace(demo.task, incorrect=demo.task.incorrect[:, :0])
    engine = opened(replace(demo, task=one_sided), metric="log-prob")
    (reply,) = engine.execute(ReadDirectEffects(None))
    assert isinstance(reply, QueryResult) and "without incorrect answers" in reply.refusal


def test_effects_have_intervals_over_prompts_and_none_over_one(demo: Case) -> None:
    engine = opened(demo)
    *_, every = engine.execute(ReadDirectEffects(None))
    *_, one = engine.execute(ReadDirectEffects(2))
    assert all(found.low <= found.value <= found.high for found in every.result.effects.values())
    assert all(found.low is None for found in one.result.effects.values())
    assert (every.result.prompts, one.result.prompts) == (len(demo.task), 1)
    assert one.query == ReadDirectEffects(2) != every.query
