"""A registered reading is asked for with its options, and refuses what it cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from conftest import Case

from circuitviz.errors import InputError
from circuitviz.lens.registry import ReadingInput, reading_steps, readings
from circuitviz.options import option
from circuitviz.plots import TablePlot
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.compute_reading import ComputeReading
from circuitviz.workbench.requests.load_catalog import LoadCatalog
from circuitviz.workbench.requests.query import QueryResult


@dataclass(frozen=True)
class FirstTokensOptions:
    """How many tokens are listed."""

    count: int = option(2, "number of tokens", low=1)


def first_tokens(reading_input: ReadingInput, options: FirstTokensOptions) -> ProgressSteps[TablePlot]:
    """The first tokens of the prompt."""
    yield Progress(0, 1, "tokens", TablePlot(["position", "token"], []))
    tokens = reading_input.task.prompt_strings(reading_input.prompt)[: options.count]
    return TablePlot(["position", "token"], [[str(i), token] for i, token in enumerate(tokens)])


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    readings.names()
    monkeypatch.setattr(readings, "_entries", dict(readings._entries))
    readings.register("first-tokens", summary="first tokens", options=FirstTokensOptions)(first_tokens)
    readings.register("of-a-node", summary="", options=FirstTokensOptions, needs_node=True)(first_tokens)
    yield


def test_options_come_as_text_or_values(demo: Case) -> None:
    reading_input = ReadingInput(demo.model, demo.task, 1)
    for count in ("3", 3):
        plot = run_to_completion(reading_steps("first-tokens", reading_input, count=count))
        assert [row[1] for row in plot.rows] == demo.task.prompt_strings(1)[:3]


@pytest.mark.parametrize(
    ("name", "prompt", "node", "options", "named"),
    [
        ("first-token", 0, "", {}, "first-tokens"),
        ("first-tokens", 99, "", {}, "99"),
        ("first-tokens", 0, "", {"count": "0"}, "--count"),
        ("of-a-node", 0, "", {}, "--node"),
        ("of-a-node", 0, "a9.h99", {}, "a9.h99"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    demo: Case, name: str, prompt: int, node: str, options: dict[str, str], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        reading_steps(name, ReadingInput(demo.model, demo.task, prompt, node), **options)


def test_the_worker_answers_with_partial_plots_then_the_plot(demo: Case) -> None:
    engine = Engine()
    engine.model = demo.model
    engine.set_task(demo.task, None, "corrupted")
    query = ComputeReading("first-tokens", "", 0, {"count": 1})
    answers = [reply for reply in query.execute(engine) if isinstance(reply, QueryResult)]
    assert [(len(reply.result.rows), reply.done) for reply in answers] == [(0, False), (1, True)]
    (refused,) = ComputeReading("of-a-node", "", 0).execute(engine)
    assert isinstance(refused, QueryResult) and "--node" in refused.refusal


def test_the_window_is_told_of_each_reading_and_of_what_failed_to_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readings, "import_errors", {"broken": "ImportError: no"})
    choices = next(iter(LoadCatalog().execute(Engine())))
    assert choices.readings["of-a-node"].needs_node and not choices.readings["first-tokens"].needs_node
    assert choices.readings["first-tokens"].options[0].name == "count"
    assert choices.import_errors["broken"] == "ImportError: no"
