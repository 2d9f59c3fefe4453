"""Own prompts as a model sees them, against the plain Hugging Face model and its tokenizer."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import Case
from slow_path import DEMO
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.engine_pool import EnginePool
from circuitviz.workbench.prompt_inspection import RowInspection, inspect_row, measure_rows
from circuitviz.workbench.requests import inspect_prompts
from circuitviz.workbench.requests.inspect_prompts import (
    CheckPrompts,
    InspectPrompts,
    OpenPromptsModel,
    PromptsChecked,
    PromptsInspected,
    PromptsModel,
)

CLEAN = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"
IOI = PromptRow(CLEAN, CORRUPTED, " Mary", " John| Tom")
ONE_SIDED = PromptRow("So Mary said that", "So John said that", " she")
DEMO_MODEL = PromptsModel("demo", "cpu", "auto")


def measured(case: Case, *rows: PromptRow) -> list[RowInspection]:
    return measure_rows([inspect_row(row, case.model.tokens) for row in rows], case.model)


def plain_log_probs(prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and log-probabilities after a prompt by Hugging Face alone."""
    tokenizer, hf = AutoTokenizer.from_pretrained(DEMO), AutoModelForCausalLM.from_pretrained(DEMO).eval()
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    if tokenizer.bos_token_id is not None and ids[:1] != [tokenizer.bos_token_id]:
        ids = [tokenizer.bos_token_id, *ids]
    with torch.no_grad():
        logits = hf(torch.tensor([ids])).logits[0, -1].double()
    return logits, logits.log_softmax(0)


def token_of(prompt: str, answer: str) -> int:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    return encode(prompt + answer)[len(encode(prompt)) :][0]


def test_probabilities_ranks_and_metric_are_those_of_the_plain_model(demo: Case) -> None:
    two_sided, one_sided = measured(demo, IOI, ONE_SIDED)
    for inspection, prompts in (
        (two_sided, (CLEAN, CORRUPTED)),
        (one_sided, (ONE_SIDED.clean, ONE_SIDED.corrupted)),
    ):
        assert not inspection.problem
        for side, prompt in zip((inspection.on_clean, inspection.on_corrupted), prompts, strict=True):
            logits, log_probs = plain_log_probs(prompt)
            ids = [token_of(inspection.row.clean, a.text) for a in inspection.answers]
            for value, token in zip(side.answers, ids, strict=True):
                assert value.logit == pytest.approx(float(logits[token]), abs=1e-4)
                assert value.probability == pytest.approx(math.exp(log_probs[token]), rel=1e-4)
                assert value.rank == int((logits > logits[token]).sum())
            top = logits.topk(5).indices.tolist()
            assert [t.token for t in side.top] == demo.model.tokens.token_strings(top)
            right, wrong = ids[0], ids[1:]
            expected = float(logits[right] - logits[wrong].mean()) if wrong else float(log_probs[right])
            assert side.metric == pytest.approx(expected, abs=1e-4)
    assert (two_sided.metric, one_sided.metric) == ("logit-diff", "log-prob")
    assert two_sided.is_answered_correctly


def test_positions_that_differ_are_marked(demo: Case) -> None:
    (one,) = measured(demo, IOI)
    clean, corrupted = (
        demo.model.tokens.token_strings(demo.model.tokens.encode(t)) for t in (CLEAN, CORRUPTED)
    )
    assert one.columns == tuple((i, i) for i in range(len(clean)))
    assert one.changed == {i for i, (a, b) in enumerate(zip(clean, corrupted, strict=True)) if a != b}
    assert len(one.changed) == 1 and one.clean_tokens == tuple(clean)


def test_prompts_of_other_lengths_are_aligned_with_gaps(demo: Case) -> None:
    longer = CORRUPTED.replace("a drink", "a big drink")
    (one,) = measured(demo, PromptRow(CLEAN, longer, " Mary", " John"))
    assert "must have the same number" in one.problem
    gaps = [i for i, (a, b) in enumerate(one.columns) if a is None or b is None]
    assert len(gaps) == len(one.corrupted_tokens) - len(one.clean_tokens) == 1
    equal = [(a, b) for i, (a, b) in enumerate(one.columns) if i not in one.changed]
    assert all(one.clean_tokens[a] == one.corrupted_tokens[b] for a, b in equal)
    assert one.columns[gaps[0]][0] is None and one.corrupted_tokens[one.columns[gaps[0]][1]] == " big"
    assert one.on_clean.top and one.on_clean.metric is None  # what the model says is known nonetheless


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (PromptRow(CLEAN, CORRUPTED), "no correct answer"),
        (PromptRow(CLEAN, ""), "no corrupted prompt"),
        (PromptRow("", CLEAN), "no clean prompt"),
        (PromptRow(CLEAN, CORRUPTED, " Mary", " Mary"), "correct and incorrect"),
        (PromptRow("x " * 3000, "x " * 3000, " Mary"), "tokens was given"),
    ],
)
def test_what_is_wrong_with_a_pair_is_said(demo: Case, row: PromptRow, says: str) -> None:
    (one,) = measured(demo, row)
    assert says in one.problem and one.is_answered_correctly is None


def test_an_answer_of_several_tokens_is_told_with_what_would_be_right(demo: Case) -> None:
    tokens = demo.model.tokens
    pieces = tokens.token_strings(tokens.answer_ids(CLEAN, " Marybook"))
    assert len(pieces) == 2
    (one,) = measured(demo, PromptRow(CLEAN, CORRUPTED, " Marybook", " John"))
    told = "|".join(pieces).replace(" ", "·")
    assert f"'·Marybook' is {len(pieces)} tokens: {told}; '·Mary' is one" in one.problem
    assert one.with_suggestions() == PromptRow(CLEAN, CORRUPTED, " Mary", " John")
    (right,) = measured(demo, one.with_suggestions())
    assert not right.problem


def test_an_answer_without_its_space_can_be_used_and_the_space_is_suggested(demo: Case) -> None:
    (one,) = measured(demo, PromptRow(CLEAN, CORRUPTED, "Mary", " John"))
    assert not one.problem and one.with_suggestions().correct == " Mary"


def test_a_space_at_the_end_of_a_prompt_is_noted(demo: Case) -> None:
    (one,) = measured(demo, PromptRow(f"{CLEAN} ", f"{CORRUPTED} ", " Mary", " John"))
    assert "ends with a space" in one.note
    (same,) = measured(demo, PromptRow(CLEAN, CLEAN, " Mary", " John"))
    assert "same" in same.note


def replies(engine: Engine, rows: tuple[PromptRow, ...]) -> list[PromptsInspected]:
    return [r for r in engine.execute(InspectPrompts(DEMO_MODEL, rows)) if isinstance(r, PromptsInspected)]


def test_rows_are_read_once_the_model_is_open_the_first_row_first() -> None:
    engine = Engine()
    (closed,) = replies(engine, (IOI,))
    assert not closed.is_model_open and closed.done
    list(engine.execute(OpenPromptsModel(DEMO_MODEL)))
    rows = tuple(
        PromptRow(CLEAN, CORRUPTED, " Mary", f" {name}") for name in "John Tom Anna James Paul".split()
    )
    tokens, first, *_, last = replies(engine, (IOI, *rows))
    assert set(tokens.inspections) == {IOI, *rows} and tokens.inspections[IOI].on_clean is None
    assert set(first.inspections) == {IOI} and first.inspections[IOI].on_clean is not None
    assert last.done and all(one.on_clean is not None for one in last.inspections.values())
    alone = replies(engine, (rows[3],))[-1].inspections[rows[3]]
    batched = last.inspections[rows[3]]
    assert batched.on_clean.metric == pytest.approx(alone.on_clean.metric, abs=1e-4)


def test_many_rows_are_tokenized_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between them a newer request, or a search that is cancelled, is heard; nothing read is lost."""
    monkeypatch.setattr(inspect_prompts, "TOKENIZED_ROWS", 2)
    engine = Engine()
    list(engine.execute(OpenPromptsModel(DEMO_MODEL)))
    rows = tuple(PromptRow(CLEAN, CORRUPTED, " Mary", f" {name}") for name in "John Tom Anna James".split())
    request = InspectPrompts(DEMO_MODEL, (*rows, ONE_SIDED), 1)
    read = [tuple(reply.inspections) for reply in engine.execute(request)]
    assert read == [rows[:2], rows, (*rows, ONE_SIDED), rows[:1], (*rows, ONE_SIDED)]


def test_a_check_counts_what_cannot_be_used() -> None:
    engine = Engine()
    list(engine.execute(OpenPromptsModel(DEMO_MODEL)))
    *_, checked = engine.execute(
        CheckPrompts(DEMO_MODEL, "mine", (IOI, PromptRow("x"), PromptRow(CLEAN, CLEAN, " a b")))
    )
    assert isinstance(checked, PromptsChecked)
    assert (checked.n_left_out, checked.check.prompts, checked.check.task) == (2, 1, "mine")
    assert checked.check.accuracy.value == 1.0


def test_a_model_for_prompts_leaves_the_open_task_alone(tmp_path) -> None:
    import shutil

    pool = EnginePool(None, lambda _tab: False)
    tab, of_no_tab = pool.engine(0), pool.engine(None)
    list(tab.open_model("demo", "cpu", "auto"))
    own_model = tab.model
    list(of_no_tab.execute(OpenPromptsModel(DEMO_MODEL)))
    assert DEMO_MODEL.find(of_no_tab) is own_model and not of_no_tab.is_model_open  # that of the tab is used
    other = shutil.copytree(DEMO, tmp_path / "other")
    theirs = PromptsModel(str(other), "cpu", "auto")
    list(of_no_tab.execute(OpenPromptsModel(theirs)))
    assert tab.model is own_model and theirs.find(of_no_tab) is not own_model
    kept = theirs.find(of_no_tab)
    list(tab.open_model(str(other), "cpu", "auto"))  # a search on it does not load it again
    assert tab.model is kept and DEMO_MODEL.find(tab) is None
