"""Templates of slots: what is written is a file of the built-in tasks' format, and draws the same pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Case
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.resources import resource_path
from circuitviz.tasks import TemplateOptions, load_task, load_template, make_template_pairs, parse_template
from circuitviz.tasks.slot_templates import ANOTHER_WORD, SlotTemplate, WordSlot, slot_template_of

GIVING = SlotTemplate(
    ("When {a} and {b} went to the {place}, {b} gave a {thing} to",),
    " {a}",
    " {b}",
    (
        WordSlot("a", "Mary, John, Tom, Anna, James, Paul"),
        WordSlot("b", "{a}", corrupted=ANOTHER_WORD),
        WordSlot("place", "store\npark, school"),
        WordSlot("thing", "drink, ring"),
    ),
)
PATH = Path("mine")


def pairs(demo: Case, template: SlotTemplate, number: int = 40) -> list[object]:
    parsed = parse_template(PATH, template.to_toml())
    return make_template_pairs(parsed, demo.model.tokens, number, 0, TemplateOptions())


def test_the_corrupted_prompt_differs_in_the_slot_that_changes(demo: Case) -> None:
    made = pairs(demo, GIVING)
    assert len({(p.clean, p.corrupted) for p in made}) == 40
    names = {"Mary", "John", "Tom", "Anna", "James", "Paul"}
    for pair in made:
        words, others = (text.replace(",", "").split() for text in (pair.clean, pair.corrupted))
        changed = [(a, b) for a, b in zip(words, others, strict=True) if a != b]
        a, b = words[1], words[3]
        assert changed == [(b, changed[0][1])] * 2 and len({a, b, changed[0][1]} & names) == 3
        assert pair.correct == (f" {a}",) and pair.incorrect == (f" {b}",)


def test_a_slot_can_be_another_in_either_prompt(demo: Case) -> None:
    """The subject is the second name in the clean, and the first one in the corrupted prompt."""
    template = SlotTemplate(
        ("When {a} and {b} went to the park, {who} gave a ring to",),
        " {a}",
        " {who}",
        (WordSlot("a", "Mary, John, Tom, Anna"), WordSlot("b", "{a}"), WordSlot("who", "", "", "b", "a")),
    )
    for pair in pairs(demo, template, 12):
        words = pair.clean.replace(",", "").split()
        assert words[8] == words[3] and pair.corrupted.replace(",", "").split()[8] == words[1]
        assert pair.incorrect == (f" {words[3]}",)  # as in the clean prompt


def test_columns_are_those_that_answers_name() -> None:
    template = SlotTemplate(
        ("{country} has the capital",), " {country.capital}", " {other_country.capital}",
        (WordSlot("country", "France/Paris, New Zealand / Wellington", "", "", ANOTHER_WORD),),
    )  # fmt: skip
    rows = parse_template(PATH, template.to_toml()).word_lists["country"].rows
    assert rows == ({"word": "France", "capital": "Paris"}, {"word": "New Zealand", "capital": "Wellington"})


@pytest.mark.parametrize("name", [path.stem for path in sorted(resource_path("tasks").glob("*.toml"))])
def test_built_in_templates_are_shown_as_slots_or_refused(demo: Case, name: str) -> None:
    """Those that are shown draw the same pairs when they are written again."""
    template = load_template(resource_path("tasks", f"{name}.toml"))
    try:
        slots = slot_template_of(template)
    except InputError as error:
        assert "edit its pairs" in str(error)
        forms = template.variants[0]
        rules = {str((f.clean, f.corrupted, f.correct, f.incorrect)) for f in forms}
        assert len(template.variants) > 1 or len(rules) > 1 or forms[0].different
        return
    assert slots.with_named_slots().slots == slots.slots  # nothing of it goes when it is edited
    again = parse_template(Path(name), slots.to_toml())
    forms, forms_again = template.variants[0], again.variants[0]
    assert [(f.prompt, f.correct, f.incorrect) for f in forms] == [
        (f.prompt, f.correct, f.incorrect) for f in forms_again
    ]
    for form, form_again in zip(forms, forms_again, strict=True):
        for role in {*form.clean, *form_again.clean}:
            assert form.clean.get(role, role) == form_again.clean.get(role, role)
            assert form.corrupted.get(role, role) == form_again.corrupted.get(role, role)
    for role, words in template.draw.items():
        rows, rows_again = template.word_lists[words].rows, again.word_lists[again.draw[role]].rows
        assert rows is rows_again is None or [tuple(r.values()) for r in rows] == [
            tuple(r.values()) for r in rows_again
        ]


def test_a_template_file_is_a_task(demo: Case, tmp_path: Path) -> None:
    path = tmp_path / "giving.toml"
    path.write_text(GIVING.to_toml())
    task = load_task(str(path), demo.model, prompts=20, seed=3)
    assert len(task) == 20 and task.name == "giving" and task.two_sided
    assert {p.correct for p in load_task(str(path), demo.model, 10, words="first").pairs} < {
        (f" {n}",) for n in "Mary John Tom Anna James Paul".split()
    }
    path.write_text("x = [")
    with pytest.raises(InputError, match=r"giving\.toml is not a template"):
        load_task(str(path), demo.model)
    path.write_text('summary = ""')
    with pytest.raises(InputError, match="'draw' is missing"):
        load_task(str(path), demo.model)
    with pytest.raises(InputError, match="cannot be read"):
        load_task(str(tmp_path / "none.toml"), demo.model)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (SlotTemplate(), "no prompt"),
        (SlotTemplate(("{a} is",), " x", "", (WordSlot("a", "b, c"),)), "No slot changes"),
        (
            SlotTemplate(("{a} is",), "", "", (WordSlot("a", "b, c", "", "", ANOTHER_WORD),)),
            "no correct answer",
        ),
        (SlotTemplate(("{a} is",), " x", "", (WordSlot("a", "", "", "", ANOTHER_WORD),)), "no words for {a}"),
        (
            SlotTemplate(("{a} is",), " x", "", (WordSlot("a", "{b}", "", "", ANOTHER_WORD),)),
            "none of its own",
        ),
        (SlotTemplate(("{a} is",), " x", "", (WordSlot("a", "b", "", "", "c"),)), "no word of its own"),
        (
            SlotTemplate(("{a} is",), " {a.x}", "", (WordSlot("a", "b/c, d", "", "", ANOTHER_WORD),)),
            "'d' has 1",
        ),
    ],
)
def test_what_a_template_lacks_is_said(template: SlotTemplate, says: str) -> None:
    with pytest.raises(InputError) as told:
        template.to_toml()
    assert says in str(told.value)


def test_slots_follow_what_is_named() -> None:
    template = SlotTemplate(
        ("{a} and {b.x}",),
        " {c}",
        " {other_a}",
        (WordSlot("a", "", "", "", ANOTHER_WORD), WordSlot("old"), WordSlot("kept", "w")),
    )
    named = template.with_named_slots()
    assert [slot.name for slot in named.slots] == ["a", "kept", "b", "c"]


@given(st.text(min_size=1, max_size=20).filter(lambda t: t.strip() and "{" not in t and "}" not in t))
def test_any_text_survives_the_file(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    template = SlotTemplate(
        (f"{text}{{a}}",), text.replace("|", ""), "", (WordSlot("a", "b, c", "", "", ANOTHER_WORD),)
    )
    if not template.correct:
        return
    form = parse_template(PATH, template.to_toml()).variants[0][0]
    assert form.prompt == f"{text}{{a}}" and form.correct == (template.correct,)
