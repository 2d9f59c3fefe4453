"""What nodes are named by is chosen in View; tokens come from the model, features say theirs by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opening import LONG, show_example
from pytestqt.qtbot import QtBot

from circuitviz.document import Label, set_label
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import load_dictionaries
from circuitviz.features.dashboards import promoted_tokens, token_effects
from circuitviz.lens import read_top_tokens
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.scene.node_naming import quote_token
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
pytestmark = [pytest.mark.stalls, pytest.mark.usefixtures("little_text")]


def title(window: MainWindow, name: str) -> str:
    return window.view.circuit_scene.by_name[name].title


def test_heads_are_named_by_label_or_token_in_this_window_and_the_next(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    show_example(window, qtbot)
    name = next(n for n in window.workspace.state.circuit.node_names if n.startswith("a2"))
    window.workspace.apply_command(set_label(name, Label("mover", "#aa3300")))
    assert title(window, name) == name
    window.menus.actions["names-label"].trigger()
    assert title(window, name) == "mover"
    window.menus.actions["names-token"].trigger()
    qtbot.waitUntil(lambda: title(window, name) not in (name, "mover"), timeout=LONG)
    model = load_model("demo")
    task = load_task("ioi", model, prompts=window.workspace.state.origin.prompts, seed=0)
    wanted = read_top_tokens(model, task, [name], window.workspace.prompt_index)[name][0][0]
    assert title(window, name) == quote_token(wanted)
    assert open_window().node_names.naming == "token"
    window.menus.actions["names-name"].trigger()
    assert title(window, name) == name


def test_features_say_what_they_promote_without_being_asked(
    open_window: Callable[[], MainWindow], qtbot: QtBot
) -> None:
    window = open_window()
    show_example(window, qtbot)
    query = AttributionQuery("demo", PROMPT, " Ian", nodes=40, sites=("a2", "m2", "m3"))
    window.workspace.prompt_circuits.submit_query(query)
    qtbot.waitUntil(lambda: window.workspace.prompt_circuits.query is not None, timeout=LONG)
    by_name = lambda: window.view.circuit_scene.by_name  # noqa: E731 - read anew each time
    qtbot.waitUntil(
        lambda: any(n.startswith("m3.f") and node.label for n, node in by_name().items()), timeout=LONG
    )
    model = load_model("demo")
    opened = load_dictionaries([resource_path("demo", "dictionaries")], model)
    of_site = {dictionary.site.name: dictionary for dictionary in opened}
    features = [n for n, node in by_name().items() if str(node.kind) == "feature"]
    assert features
    for name in features:
        site, _, number = name.partition("@")[0].partition(".f")
        effects, _ = token_effects(model, of_site[site], int(number), 3)
        assert by_name()[name].label == " ".join(quote_token(effect.token) for effect in effects)


def test_tokens_of_many_features_are_those_of_each() -> None:
    model = load_model("demo")
    opened = load_dictionaries([resource_path("demo", "dictionaries")], model)
    for dictionary in opened[:2]:
        numbers = list(range(0, dictionary.features, max(1, dictionary.features // 70)))
        for number, many in zip(numbers, promoted_tokens(model, dictionary, numbers), strict=True):
            one, _ = token_effects(model, dictionary, number, 3)
            assert [effect.value for effect in many] == pytest.approx(
                [effect.value for effect in one], rel=1e-4
            )
