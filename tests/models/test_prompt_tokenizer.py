"""A prompt begins with BOS exactly where the tokenizer as it was loaded defines one, and never with two."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_case
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokenizers import END, WORDS, byte_level, qwen2, word_level

from circuitviz.errors import InputError
from circuitviz.evaluation.claims.claim_prompts import token_mask
from circuitviz.features.passages import passages_from_texts
from circuitviz.models import PromptTokenizer, from_hugging_face, load_model
from circuitviz.tasks import PromptPair, Task, load_task

BOS = "<s>"
KINDS = {
    "words, no special token": (word_level, {}),
    "like Qwen2": (byte_level, {}),
    "like GPT-2": (byte_level, {"bos": END, "eos": END}),
    "like Llama": (byte_level, {"bos": BOS, "adds": True, "eos": "</s>"}),
    "words, BOS": (word_level, {"bos": BOS, "adds": True}),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer, the Hugging Face model, and our model of them, in memory and from a folder."""
    make, options = KINDS[request.param]
    tokenizer = make(**options)
    hf = qwen2(len(tokenizer))
    folder = tmp_path_factory.mktemp("model")
    hf.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings_before = copy.deepcopy(tokenizer.special_tokens_map)
    model = from_hugging_face(copy.deepcopy(hf), tokenizer, "given")
    assert tokenizer.special_tokens_map == settings_before and len(tokenizer) == len(make(**options))
    return options.get("bos"), tokenizer, hf, model, load_model(str(folder))


def test_the_logits_are_of_the_prompt_by_the_rule(kind: Any) -> None:
    """Hugging Face's own logits for ids that are built by hand, word by word."""
    bos, tokenizer, hf, *models = kind
    ids = tokenizer.convert_tokens_to_ids
    if ids("Once") is not None and "Once" in tokenizer.get_vocab():
        text, by_hand = "a cat said", [ids("a"), ids("cat"), ids("said")]
    else:
        text, by_hand = "a cat dog", [ids("a"), ids("Ġcat"), ids("Ġdog")]
    first = [] if bos is None else [ids(bos)]
    with torch.no_grad():
        right = hf(torch.tensor([first + by_hand])).logits[0, -1]
        other = hf(torch.tensor([[ids("dog") or 5, *first, *by_hand]])).logits[0, -1]
    assert (right - other).abs().max() > 0.05  # another first token would be seen
    for model in models:
        for prompt in (text, f"{bos}{text}") if bos else (text,):
            row = torch.tensor([model.tokens.encode(prompt)])
            with torch.no_grad():
                ours = model.logits(row, torch.tensor([row.shape[1] - 1]))[0]
            torch.testing.assert_close(ours, right, rtol=1e-4, atol=1e-4)


def test_no_bos_is_shown_counted_or_left_out_where_there_is_none(kind: Any) -> None:
    bos, tokenizer, _, *models = kind
    for model in models:
        tokens = model.tokens
        assert tokens.has_bos == (bos is not None)
        row = tokens.encode("a cat said")
        assert tokens.token_strings(row).count(bos) == (bos is not None)
        assert tokens.decode(row) == "a cat said"
        assert tokens.encode("") == ([] if bos is None else [tokens.bos_id])
        text = " ".join(["a cat said"] * 60)
        for begun in (text, f"{bos}{text}") if bos else (text,):
            rows = tokens.context_windows(begun)
            assert len(rows) > 1 and max(map(len, rows)) == model.n_ctx
            assert all(row.count(tokens.bos_id) == int(bos is not None) for row in rows)
            inner = [i for row in rows for i in (row[1:] if bos else row)]
            assert inner == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_typed_bos_on_stories_is_the_one_that_is_added() -> None:
    """A chat template's text begins with it; the numbers are those of the prompt without it."""
    case = make_case("stories")
    tokens, text = case.model.tokens, "Once upon a time, Lily was happy because"
    plain, typed = tokens.encode(text), tokens.encode(f"<s>{text}")
    assert plain == typed and plain.count(1) == 1 and plain[0] == 1
    pairs = [PromptPair(f"{begin}{text}", f"{begin}{text}", (" she",), (" he",)) for begin in ("", "<s>")]
    task = Task.from_pairs("typed", pairs, tokens)
    slow, _ = case.slow.run(task.clean, task.lengths - 1)
    difference = [float(slow[i, task.correct[i, 0]] - slow[i, task.incorrect[i, 0]]) for i in range(2)]
    assert difference[0] == difference[1]
    assert tokens.encode(f"<s>{text}", bos=False) == plain  # what is typed stays
    assert tokens.encode(text, bos=False) == plain[1:]


CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m.role }} {{ m.content }} {{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}she{% endif %}"
)
CHAT = [{"role": "Lily", "content": "said a cat"}, {"role": "he", "content": "was"}]


def test_a_chat_templates_text_gives_the_templates_ids(kind: Any, tmp_path: Path) -> None:
    """Typed, in a task's file, in a file of passages: with one BOS, where the template writes it as text."""
    bos, tokenizer, _, *models = kind
    tokenizer = copy.deepcopy(tokenizer)
    template = CHAT_TEMPLATE.replace("{{ bos_token }}", bos or "").replace(
        "{{ eos_token }}", tokenizer.eos_token or ""
    )
    tokenizer.chat_template = template
    chat = tokenizer.apply_chat_template(CHAT, add_generation_prompt=True, tokenize=False)
    expected = tokenizer.apply_chat_template(CHAT, add_generation_prompt=True)["input_ids"]
    other = "he" if "he" in tokenizer.get_vocab() else "b"
    path = tmp_path / "chat.jsonl"
    for model in models:
        tokens = model.tokens
        assert tokens.encode(chat) == expected
        assert expected.count(tokens.bos_id) == chat.count(bos) if bos else not tokens.has_bos
        assert tokens.context_windows(chat)[0] == expected[: model.n_ctx]
        row = {"clean": chat, "corrupted": chat.replace("cat", "dog"), "correct": ["a"], "incorrect": [other]}
        path.write_text(json.dumps(row))
        for task in (
            load_task(str(path), model),
            Task.from_pairs("typed", [PromptPair(chat, chat, ("a",))], tokens),
        ):
            assert task.clean[0].tolist() == expected


def test_a_window_that_begins_with_a_typed_bos_has_no_second() -> None:
    """SmolLM2's BOS begins each turn of a conversation, so any window of a long one may begin with it."""
    tokens = PromptTokenizer(word_level("<s>"), 4)
    ids = [tokens.bos_id, 2, 7, 8]  # <s> a cat dog
    for words in range(1, 6):
        rows = tokens.context_windows(f"{'a ' * words}<s> cat")
        assert all(row[0] == tokens.bos_id and row[1:2] != [tokens.bos_id] for row in rows)
    assert tokens.context_windows("<s> a cat dog <s> he") == [ids, [tokens.bos_id, 9]]


text = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(
    words=text, defined=st.booleans(), adds=st.booleans(), typed=st.booleans(), shared=st.booleans(),
    bos=st.sampled_from([None, True, False]), make=st.sampled_from([word_level, byte_level]), n_ctx=st.integers(2, 9),
)  # fmt: skip
def test_at_most_one_bos_and_only_by_the_rule(
    words: str, defined: bool, adds: bool, typed: bool, shared: bool, bos: bool | None, make: Any, n_ctx: int
) -> None:
    """Whatever the settings: one BOS where the tokenizer defines it and it is typed or asked for, else none."""
    own = BOS if defined else None
    tokenizer = make(own, adds and defined, own if shared else "</s>")
    number = tokenizer.convert_tokens_to_ids(BOS) if defined else None
    tokens = PromptTokenizer(tokenizer, 1000)
    tokenizer.bos_token = "</s>" if not shared else None  # as TransformerLens does, later
    given_text = f"{BOS}{words}" if typed and defined else words
    row = tokens.encode(given_text, bos)
    expected = defined and (typed or bos is not False)
    assert row.count(number) == int(expected)
    assert (row[:1] == [number]) == expected or not defined
    bare = tokenizer(words, add_special_tokens=False)["input_ids"]
    assert row == ([number] if expected else []) + bare
    short = PromptTokenizer(make(own, adds and defined, own if shared else "</s>"), n_ctx)
    windows = short.context_windows(given_text)
    assert all(window.count(number) == int(defined) and len(window) <= n_ctx for window in windows)
    assert [i for window in windows for i in window if i != number] == bare


def test_what_is_asked_of_all_tokens_leaves_out_the_bos_that_is_there(kind: Any) -> None:
    """Whether a row's first token is BOS is read from the row, also where it was typed or left out."""
    bos, _, _, model, _ = kind
    for option in (None, False):
        for begin in ("", bos) if bos else ("",):
            prompt = f"{begin}a cat a"
            task = Task.from_pairs("one", [PromptPair(prompt, prompt, ("a",))], model.tokens, bos=option)
            asked = token_mask(task, "all", None)[0].tolist()  # type: ignore[arg-type]
            leads = bos is not None and (option is None or begin == bos)
            assert asked == [not leads] + [True] * (len(asked) - 1)


def test_passages_of_a_file_begin_with_one_bos(kind: Any) -> None:
    bos, _, _, model, _ = kind
    lines = ["a cat said", *([f"{bos}a dog said"] if bos else [])]
    text = passages_from_texts(model, lines)
    assert text.bos == (bos is not None)
    for row in text.rows:
        assert row.count(model.tokens.bos_id) == int(text.bos)


def test_a_folder_like_qwens_has_no_bos(tmp_path: Path) -> None:
    """With the files that Qwen2 publishes: its own tokenizer class, ``bos_token: null``."""
    tokenizer = byte_level()
    qwen2(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    said = {
        "tokenizer_class": "Qwen2Tokenizer",
        "bos_token": None,
        "eos_token": END,
        "pad_token": END,
        "unk_token": None,
    }
    path.write_text(
        json.dumps(
            {**json.loads(path.read_text()), **said, "add_bos_token": False, "add_prefix_space": False}
        )
    )
    tokens = load_model(str(tmp_path)).tokens
    assert not tokens.has_bos
    assert tokens.encode(" cat dog") == [tokenizer.convert_tokens_to_ids(piece) for piece in ("Ġcat", "Ġdog")]


def test_a_token_without_an_embedding_is_named() -> None:
    """A tokenizer of another model would otherwise fail in the embedding, or not at all."""
    tokens = PromptTokenizer(word_level(), 100, n_embeddings=4)
    assert tokens.encode("Once upon a time") == [0, 1, 2, 3] and tokens.vocabulary_size == 4
    for read in (tokens.encode, tokens.context_windows):
        with pytest.raises(
            InputError, match="gives 'Lily' the id 6, but the model has embeddings for 0 to 3"
        ):
            read("Once Lily")
    with pytest.raises(InputError, match="gives '<s>' the id 12"):
        PromptTokenizer(word_level("<s>"), 100, n_embeddings=12)
