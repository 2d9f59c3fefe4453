"""Tasks that are data, read by rules and tables of their own, on tokenizers that differ in how they split."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from conftest import Case, make_case
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.options import build_options
from circuitviz.resources import resource_path
from circuitviz.tasks import PromptPair, Task, load_task, tasks
from circuitviz.tasks.counterfactuals import counterfactuals
from circuitviz.tasks.template_tasks import read_template
from circuitviz.tasks.word_lists import EVENTS

FILES = sorted(resource_path("tasks").glob("*.toml"))
NAMES = [path.stem for path in FILES]
DIGITS = ("pairs", "single")
OPPOSITES = dict(
    pair.split("-")
    for pair in (
        "hot-cold big-small good-bad old-young fast-slow high-low rich-poor strong-weak early-late happy-sad hard-soft "
        "long-short wet-dry clean-dirty deep-shallow true-false inside-outside left-right north-south day-night "
        "love-hate buy-sell push-pull more-less first-last above-below before-after always-never male-female war-peace "
        "life-death success-failure friend-enemy front-back top-bottom question-answer summer-winter positive-negative "
        "public-private simple-complex minor-major minimum-maximum black-white full-empty open-closed thick-thin "
        "heavy-light safe-dangerous east-west husband-wife mother-father king-queen boy-girl"
    ).split()
)
CAPITALS = dict(
    reversed(pair.split("-"))
    for pair in (
        "Paris-France Rome-Italy Madrid-Spain Berlin-Germany London-England Moscow-Russia Beijing-China Tokyo-Japan "
        "Cairo-Egypt Athens-Greece Vienna-Austria Warsaw-Poland Lisbon-Portugal Stockholm-Sweden Oslo-Norway "
        "Copenhagen-Denmark Helsinki-Finland Dublin-Ireland Budapest-Hungary Havana-Cuba Ottawa-Canada "
        "Canberra-Australia Ankara-Turkey Tehran-Iran Baghdad-Iraq Damascus-Syria Beirut-Lebanon Nairobi-Kenya "
        "Lima-Peru Santiago-Chile Caracas-Venezuela Brussels-Belgium Amsterdam-Netherlands Jakarta-Indonesia "
        "Bangkok-Thailand Manila-Philippines Islamabad-Pakistan Kabul-Afghanistan Tripoli-Libya Bucharest-Romania "
        "Sofia-Bulgaria Belgrade-Serbia Zagreb-Croatia Kathmandu-Nepal Hanoi-Vietnam Quito-Ecuador Doha-Qatar "
        "Harare-Zimbabwe Accra-Ghana Dakar-Senegal Kingston-Jamaica Riga-Latvia Dhaka-Bangladesh Tunis-Tunisia "
        "Tbilisi-Georgia Yerevan-Armenia"
    ).split()
)
KINDS = {
    word: kind
    for kind, words in {
        "animal": "dog cat horse cow lion rabbit",
        "flower": "rose tulip lily",
        "fruit": "banana pear lemon peach",
        "vehicle": "car truck bus bicycle",
        "tool": "hammer saw drill",
        "furniture": "chair sofa desk",
        "clothing": "shirt jacket dress",
        "instrument": "piano guitar violin flute",
        "vegetable": "carrot potato cabbage",
        "fish": "salmon tuna shark",
        "bird": "eagle sparrow pigeon owl",
        "insect": "ant bee beetle mosquito",
        "tree": "pine oak maple",
        "weapon": "gun sword rifle",
        "gem": "ruby diamond",
        "currency": "dollar peso",
        "reptile": "snake lizard turtle",
    }.items()
    for word in words.split()
}
COLORS = {
    word: color
    for color, words in {
        "yellow": "banana lemon sunflower",
        "red": "tomato strawberry blood cherry",
        "green": "grass cucumber broccoli frog lettuce",
        "white": "snow milk salt cotton",
        "black": "coal tar",
        "brown": "chocolate mud coffee",
        "blue": "sky ocean sapphire",
        "orange": "carrot pumpkin",
        "gray": "elephant ash",
        "pink": "flamingo pig",
        "purple": "eggplant lavender",
    }.items()
    for word in words.split()
}


def last_in(table: dict[str, str]) -> Callable[[str], str]:
    """The entry of the last word of a prompt that stands in a table."""
    return lambda prompt: table[[word for word in re.findall(r"\w+", prompt) if word in table][-1]]


def color_of_object(prompt: str) -> str:
    colors = {thing: color for color, thing in re.findall(r"\ba (\w+) (\w+)", prompt)}
    assert len(colors) == 3 == len({*colors.values()})
    return colors[re.search(r"color of the (\w+)\? A:$", prompt)[1]]


def next_argument(prompt: str) -> str:
    names = re.search(r"\(self, (.*)\):", prompt)[1].split(", ")
    documented = re.findall(r":param (\w+):", prompt)
    assert documented == names[: len(documented)] and prompt.endswith(":param")
    return names[len(documented)]


def word_after_the_last(prompt: str) -> str:
    words = prompt.removeprefix("Words: ").split(" ")
    at = words.index(words[-1])
    assert words.count(words[-1]) == 2 and at < len(words) - 2
    return words[at + 1]


def letter_of_color(prompt: str) -> str:
    letters = {color: letter for letter, color in re.findall(r"^([A-D])\. (\w+)$", prompt, re.MULTILINE)}
    assert len(letters) == 4
    return letters[COLORS[re.search(r"with the word (\w+)\?", prompt)[1]]]


def total(prompt: str) -> str:
    x, y = re.findall(r"\d", prompt)[-2:]
    return str(int(x) + int(y))


RULES: dict[str, Callable[[str], str]] = {
    "antonyms": last_in(OPPOSITES),
    "arithmetic": total,
    "capitals": last_in(CAPITALS),
    "capitals-distractor": last_in(CAPITALS),
    "colored-objects": color_of_object,
    "docstring": next_argument,
    "hypernyms": last_in(KINDS),
    "induction": word_after_the_last,
    "mcqa": letter_of_color,
}
COPIED = (
    "capitals-distractor",
    "colored-objects",
    "docstring",
    "induction",
)  # the answer stands in the prompt
CHANGED_WORDS = {"arithmetic": (1, 2), "mcqa": (2, 2), "hypernyms": (1, 2)}  # least and most; else one


@cache
def word_tokenizer(digits: str) -> PromptTokenizer:
    """A byte-level tokenizer that has every word of the files with its space as a token.

    Args:
        digits: ``single``: each digit is a token, as SmolLM2 has it; ``pairs``: also with a space, and two of
            them, as GPT-2 has it.
    """
    words = {word for path in FILES for word in re.findall(r"[^\W_]+", path.read_text(encoding="utf-8"))} | {
        *EVENTS
    }
    text = [f" {word}" for word in sorted(words)] * 3
    parts = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if digits == "single":
        parts.insert(0, pre_tokenizers.Digits(individual_digits=True))
    else:
        text += [f" {year}" for year in range(100)] + [f"{year:02d}" for year in range(100)] * 2
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=9000,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    return PromptTokenizer(fast, 512)


def make_pairs(
    name: str, digits: str, prompts: int = 40, seed: int = 0, **options: object
) -> list[PromptPair]:
    entry = tasks.get(name)
    return entry.value(word_tokenizer(digits), prompts, seed, build_options(entry.options, options))


def test_every_file_is_a_task_and_has_a_rule_here() -> None:
    assert {*NAMES} == {*RULES} <= {*tasks.names()}
    assert [name for name in tasks.import_errors if name.endswith(".toml")] == []


@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize("name", NAMES)
def test_answers_are_right_and_prompts_differ_where_the_design_says(name: str, digits: str) -> None:
    tokens, rule = word_tokenizer(digits), RULES[name]
    pairs = make_pairs(name, digits)
    assert len({*pairs}) == len(pairs) == 40 and pairs == make_pairs(name, digits)
    assert pairs != make_pairs(name, digits, seed=1)
    fewest, most = CHANGED_WORDS.get(name, (1, 1))
    for pair in pairs:
        assert (rule(pair.clean),) == tuple(answer.strip() for answer in pair.correct)
        assert rule(pair.corrupted) in {answer.strip() for answer in pair.incorrect}
        clean, corrupted = re.findall(r"\w+|\W", pair.clean), re.findall(r"\w+|\W", pair.corrupted)
        changed = [i for i, (word, other) in enumerate(zip(clean, corrupted, strict=True)) if word != other]
        assert fewest <= len(changed) <= most
        rows = [tokens.encode(text) for text in (pair.clean, pair.corrupted)]
        n_changed = sum(ours != theirs for ours, theirs in zip(*rows, strict=True))
        assert n_changed == len(changed)  # every word is a token here
        for answer in (*pair.correct, *pair.incorrect):
            assert len(tokens.encode(pair.clean + answer)) == len(rows[0]) + 1
    Task.from_pairs(name, pairs, tokens)


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_leaks(name: str) -> None:
    """It stands nowhere in the prompt; or, where it is to be copied, as often as a wrong one."""
    for pair in make_pairs(name, "single"):
        words = re.findall(r"\w+", pair.clean)
        n_correct = words.count(pair.correct[0].strip())
        if name == "mcqa":
            assert [words.count(letter) for letter in "ABCD"] == [1] * 4
        elif name in COPIED:
            assert n_correct == 1
            wrong = {answer.strip() for answer in pair.incorrect} & {*words}
            assert all(words.count(word) <= 2 for word in wrong)
            assert bool(wrong) == (name != "induction")
        else:
            assert n_correct == 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != "induction"])
def test_the_halves_share_no_row(name: str) -> None:
    """What one half draws is in no prompt of the other: words, or pairs of summands."""
    word_lists = read_template(resource_path("tasks", f"{name}.toml")).word_lists.values()
    first_words = {next(iter(row.values())) for words in word_lists for row in words.rows}

    def drawn(half: str) -> set[str]:
        prompts = [pair.clean for pair in make_pairs(name, "single", prompts=30, words=half)]
        if name == "arithmetic":
            return {"+".join(re.findall(r"\d", prompt)[-2:]) for prompt in prompts}
        return {word for prompt in prompts for word in re.findall(r"\w+", prompt)} & first_words

    assert drawn("first") and drawn("second") and not drawn("first") & drawn("second")


def test_digits_are_answered_as_the_tokenizer_has_them() -> None:
    assert all(
        pair.correct[0][0] == " " and pair.clean[-1] != " " for pair in make_pairs("arithmetic", "pairs")
    )
    assert all(
        pair.correct[0].isdigit() and pair.clean[-1] == " " for pair in make_pairs("arithmetic", "single")
    )


def test_a_tokenizer_without_the_words_is_refused_in_a_sentence(demo: Case) -> None:
    with pytest.raises(InputError) as refused:
        load_task("capitals", demo.model)
    assert re.fullmatch(
        r"The task 'capitals' needs 8 countries that are one token each; this model's tokenizer has \d+\. Use .*\.",
        str(refused.value),
    )


@pytest.mark.parametrize("kind", ["demo", "stories", *DIGITS])
def test_every_task_fits_a_tokenizer_or_is_refused_in_a_sentence(kind: str) -> None:
    tokens = word_tokenizer(kind) if kind in DIGITS else make_case(kind).model.tokens
    fitting = set()
    for entry in tasks.entries():
        try:
            pairs = entry.value(tokens, 8, 0, build_options(entry.options, {}))
        except InputError as error:
            told = str(error)
            assert entry.name in told and " needs " in told and "\n" not in told and told.endswith(" file.")
        else:
            task = Task.from_pairs(entry.name, pairs, tokens, metric=entry.extra["metric"])
            assert task.clean.shape == task.corrupted.shape and task.two_sided
            fitting.add(entry.name)
    assert {*NAMES} <= fitting if kind in DIGITS else {"gender", "greater-than", "induction"} <= fitting


def test_sources_are_in_the_bibliography_and_cited_as_they_are() -> None:
    entries = re.split(r"\n(?=@)", resource_path("references.bib").read_text(encoding="utf-8"))
    cited = {}
    for entry in entries:
        author, year = re.search(r"author = \{([\w-]+)", entry), re.search(r"year = \{(\d+)\}", entry)
        if author and year:
            cited[re.search(r"\{(\w+),", entry)[1]] = (author[1], year[1])
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        keys = re.findall(r"\[(\w+[12]\d{3}\w*)\]", text)
        told = tomllib.loads(text)["reference"].split("; ")
        assert {cited[key] for key in keys} == {(name.split()[0], name.split()[-1]) for name in told}, (
            path.name
        )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ('draw = { here = "nothing" }', "which is no list"),
        ('prompt = "The {other} is"', "no 'other'"),
        ('correct = [" {here.color}"]', r"no 'here\.color'"),
        ("corrupted = {}", "different roles"),
    ],
)
def test_a_wrong_file_is_told_when_it_is_read(tmp_path: Path, changed: str, says: str) -> None:
    lines = [
        'summary = "s"',
        'reference = ""',
        'draw = { here = "words", there = "words" }',
        'clean = { asked = "here" }',
        'corrupted = { asked = "there" }',
        'correct = [" {here.kind}"]',
        'incorrect = [" {there.kind}"]',
        "[words.words]",
        'columns = ["word", "kind"]',
        'rows = "dog/animal rose/flower"',
        "[[forms]]",
        'prompt = "The {asked} is"',
    ]
    path = tmp_path / "wrong.toml"
    path.write_text("\n".join(lines))
    assert read_template(path).name == "wrong"
    key = changed.partition(" =")[0]
    path.write_text("\n".join(changed if line.startswith(f"{key} =") else line for line in lines))
    with pytest.raises(InputError, match=says):
        read_template(path)


@pytest.mark.parametrize("name", ["greater-than", "year-shifted", "event-changed"])
def test_greater_than_by_digits(name: str) -> None:
    """Where each digit is a token, the next digit decides, and the first year's own is left out."""
    registry = tasks if name in tasks.names() else counterfactuals
    for pair in registry.get(name).value(
        word_tokenizer("single"), 40, 0, build_options(registry.get(name).options, {})
    ):
        century, year = re.search(r"year (\d\d)(\d\d) to", pair.clean).groups()
        assert pair.clean.endswith(f"to the year {century}")
        possible = {
            ending: [int(f"{ending}{last}") > int(year) for last in range(10)] for ending in "0123456789"
        }
        assert pair.correct == tuple(
            ending for ending, later in possible.items() if all(later) and ending != year[0]
        )
        assert pair.incorrect == tuple(
            ending for ending, later in possible.items() if not any(later) and ending != year[0]
        )
        other = re.search(r"year \d\d(\d\d) to", pair.corrupted)[1]
        if name == "greater-than":
            assert other == "01"
        else:
            assert int(other) <= int(year) - 10 if name == "year-shifted" else other == year


def test_greater_than_by_pairs_of_digits_and_by_neither(demo: Case) -> None:
    for pair in tasks.get("greater-than").value(word_tokenizer("pairs"), 20, 0, None):
        year = int(re.search(r"year \d\d(\d\d) to", pair.clean)[1])
        assert [int(ending) for ending in pair.correct] == list(range(year + 1, 100))
    with pytest.raises(InputError, match="each digit is a token"):
        tasks.get("greater-than").value(_no_digits(), 4, 0, None)


def _no_digits() -> PromptTokenizer:
    """A tokenizer of whole words, which knows no number."""
    vocabulary = {word: i for i, word in enumerate(["<unk>", "The", "war", "lasted"])}
    whole = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    return PromptTokenizer(PreTrainedTokenizerFast(tokenizer_object=whole, unk_token="<unk>"), 64)
