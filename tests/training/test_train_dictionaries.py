"""The shipped dictionaries are what their card says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from circuitviz.features import Dictionary, load_dictionaries
from circuitviz.features.passages import Passages, passages_from_texts
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training import (
    DictionaryQuality,
    loss_recovered_steps,
    measure_dictionary_steps,
    trainable_sites,
)
from circuitviz.training.demo.train_dictionaries import (
    MEASURING_SEED,
    RECIPES,
    demo_texts,
    write_dictionary_card,
)

FOLDER = resource_path("demo", "dictionaries")
TOLD = json.loads((FOLDER / "figures.json").read_text())
SITES = list(TOLD["dictionaries"])


@pytest.fixture(scope="module")
def found(demo: Any) -> dict[str, Dictionary]:
    return {one.name: one for one in load_dictionaries([FOLDER], demo.model)}


@pytest.fixture(scope="module")
def sample(demo: Any) -> Passages:
    """The first passages of those that the card's figures were measured on."""
    return passages_from_texts(demo.model, demo_texts(MEASURING_SEED, 500))


def test_every_site_has_one_and_all_are_small(demo: Any, found: dict[str, Dictionary]) -> None:
    assert list(found) == SITES == [site.name for site in trainable_sites(demo.model)]
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 12e6
    for name, one in found.items():
        assert (
            one.features == RECIPES[name[0]].features and str(one.processing) == "raw" and one.model == "demo"
        )


def test_the_figures_are_good_enough_to_trust_circuits_made_of_them() -> None:
    for name, told in TOLD["dictionaries"].items():
        assert told["unexplained"] < 0.1 and told["l0"] < 20 and told["dead"] < 0.1, name
        assert told["recovered"] > 0.95, name


def test_the_card_says_what_was_measured(found: dict[str, Dictionary]) -> None:
    figures = {name: DictionaryQuality(**told) for name, told in TOLD["dictionaries"].items()}
    text = write_dictionary_card(tuple(found.values()), figures, TOLD["together"])
    assert text == (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("name", SITES)
def test_figures_are_found_again(
    demo: Any, found: dict[str, Dictionary], sample: Passages, name: str
) -> None:
    """On a tenth of the card's text: the sums within what a tenth differs by; the dead are more there."""
    told, again = (
        TOLD["dictionaries"][name],
        run_to_completion(measure_dictionary_steps(demo.model, found[name], sample)),
    )
    assert again.tokens > 8_000
    assert again.unexplained == pytest.approx(told["unexplained"], rel=0.1, abs=2e-4)
    assert again.l0 == pytest.approx(told["l0"], rel=0.03)
    assert again.loss == pytest.approx(told["loss"], rel=0.05)
    assert again.recovered == pytest.approx(told["recovered"], abs=0.01)
    assert told["dead"] <= again.dead < told["dead"] + 0.25


def test_all_at_once_recover_what_the_card_says(
    demo: Any, found: dict[str, Dictionary], sample: Passages
) -> None:
    part = Passages(sample.rows[:250], sample.bos)
    again = run_to_completion(loss_recovered_steps(demo.model, list(found.values()), part))
    assert again == pytest.approx(TOLD["together"], abs=0.02)
