"""Names of nodes: by name, label, class or promoted token; a feature is never its number alone."""

from __future__ import annotations

from circuitviz.graph import NodeKind
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode, GroupFrame
from circuitviz.scene.node_naming import NAMINGS, name_nodes

HEAD, FEATURE = NodeKind.HEAD, NodeKind.FEATURE
SCENE = CircuitScene(
    (
        DrawnNode("a1.h0", HEAD, 0, 0, label="Name Mover", class_name="Name Mover"),
        DrawnNode("a1.h1", HEAD, 1, 0, label="copies the subject"),
        DrawnNode("a1.h2", HEAD, 2, 0),
        DrawnNode("m0.f304", FEATURE, 3, 0),
        DrawnNode("m0.f9", FEATURE, 4, 0, label="plurals"),
        DrawnNode("G", HEAD, 5, 0, label="a role", members=("a0.h0", "a0.h1")),
        DrawnNode("token@0", NodeKind.TOKEN, 6, 0, text="“When”"),
    ),
    frames=(GroupFrame("early", "#112233", frozenset({"a1.h2", "token@0"})),),
)
TOKENS = {
    "a1.h0": [(" Mary", 3.0), (" John", 1.0)],
    "m0.f304": [(" cat", 2.0), (" dog", 1.5), ("\n", 1.0), (" fish", 0.5)],
    "m0.f9": [("s", 1.0)],
    "token@0": [("x", 1.0)],
    "G": [("x", 1.0)],
}


def titles(naming: str, tokens: dict[str, list[tuple[str, float]]] = TOKENS) -> dict[str, tuple[str, str]]:
    return {node.name: (node.title, node.label) for node in name_nodes(SCENE, naming, tokens).nodes}


def test_names_and_what_features_promote() -> None:
    shown = titles("name")
    assert shown["a1.h0"] == ("a1.h0", "Name Mover") and shown["a1.h2"] == ("a1.h2", "")
    assert shown["m0.f304"] == ("m0.f304", "“·cat” “·dog” “\n”")
    assert shown["m0.f9"] == ("m0.f9", "plurals")


def test_labels_stand_in_the_place_of_names() -> None:
    shown = titles("label")
    assert shown["a1.h0"] == ("Name Mover", "") and shown["a1.h1"] == ("copies the subject", "")
    assert shown["a1.h2"] == ("a1.h2", "") and shown["m0.f9"] == ("plurals", "")


def test_classes_are_labels_with_a_colour_and_open_groups() -> None:
    shown = titles("class")
    assert shown["a1.h0"] == ("Name Mover", "")
    assert shown["a1.h1"] == ("a1.h1", "copies the subject") and shown["a1.h2"] == ("early", "")


def test_tokens_keep_their_spaces_and_what_has_a_text_keeps_it() -> None:
    shown = titles("token")
    assert shown["a1.h0"] == ("“·Mary”", "Name Mover") and shown["m0.f304"][0] == "“·cat”"
    assert shown["a1.h1"] == ("a1.h1", "copies the subject")  # nothing is known of it
    group = next(node for node in SCENE.nodes if node.members)
    for naming in NAMINGS:
        assert titles(naming)["G"] == (group.title, group.label)
    assert titles("token")["token@0"] == ("“When”", "")


def test_a_scene_that_stays_as_it_is_is_the_same() -> None:
    assert name_nodes(SCENE, "name", {}) is SCENE
