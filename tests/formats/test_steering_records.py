"""Texts of a steered model in documents: recorded, undone, saved, and refused where a file is damaged."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_documents import labelled_document
from hypothesis import given, settings
from hypothesis import strategies as st
from steering_records import example_result

from circuitviz.document import Document, add_steering, remove_steering, steering_commands
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.formats.parts import FileContents
from circuitviz.formats.parts.steering import SteeringPart
from circuitviz.graph import Intervention, SteeringQuery
from circuitviz.graph.steering import STEERED_TOKENS


def test_what_is_recorded_can_be_undone_and_is_there_once() -> None:
    document, result = labelled_document(), example_result(seed=7)
    before = document.state.hash
    change = document.apply_command(add_steering(result))
    assert "m2.f12 add 0, −4.5" in change.text.replace("-", "−")
    once = document.state.hash
    document.apply_command(add_steering(example_result(seed=7)))
    assert document.state.steering == (result,) and document.state.hash == once != before
    document.apply_command(add_steering(example_result(seed=8)))
    document.apply_command(remove_steering(result))
    assert [one.query.seed for one in document.state.steering] == [8]
    document.set_state(change.before)
    assert document.state.hash == before


def test_files_keep_it_with_portable_paths(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    folder.mkdir()
    document = labelled_document()
    document.apply_command(add_steering(example_result(dictionaries=(str(folder),))))
    save_document(document, tmp_path / "a.circuit")
    again = open_document(tmp_path / "a.circuit").state
    assert again.steering == document.state.steering and again.hash == document.state.hash
    with zipfile.ZipFile(tmp_path / "a.circuit") as archive:
        manifest = archive.read("document.json").decode()
    assert str(tmp_path) not in manifest
    assert json.loads(manifest)["steering"][0]["query"]["dictionaries"] == ["./features"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("query.changes", {"m1": ["mean", 1.0, []]}),
        ("query.changes", {"m1": ["add", "x", []]}),
        ("query.changes", {"m1": ["add", 1.0, [0.5]]}),
        ("query.changes", {}),
        ("query.max_tokens", -1),
        ("query.temperature", float("nan")),
        ("query.directions", {"resid1": ["x"]}),
        ("texts", [{"plain": True}]),
        ("texts", {}),
    ],
)
def test_damaged_records_are_skipped_with_a_notice_and_kept(tmp_path: Path, path: str, value: Any) -> None:
    document = labelled_document()
    document.apply_command(add_steering(example_result()))
    document.apply_command(add_steering(example_result(seed=9)))
    save_document(document, tmp_path / "a.circuit")
    with zipfile.ZipFile(tmp_path / "a.circuit") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(entries["document.json"])
    place = manifest["steering"][0]
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    with zipfile.ZipFile(tmp_path / "b.circuit", "w") as archive:
        for name, data in {**entries, "document.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    opened = open_document(tmp_path / "b.circuit")
    assert [one.query.seed for one in opened.state.steering] == [9] and opened.state.labels
    (notice,) = opened.notices
    assert notice.startswith("Texts of steering in this file could not be read") and "steer" in notice
    opened.apply_command(add_steering(example_result(seed=10)))
    save_document(opened, tmp_path / "c.circuit")
    kept = json.loads(zipfile.ZipFile(tmp_path / "c.circuit").read("document.json"))["steering"]
    assert [one["query"].get("seed") for one in kept][:2] == [9, 10]
    assert json.dumps(kept[2], sort_keys=True) == json.dumps(manifest["steering"][0], sort_keys=True)
    assert open_document(tmp_path / "c.circuit").notices[0][:55] == notice[:55]


def test_unknown_fields_of_records_are_written_back(tmp_path: Path) -> None:
    document = labelled_document()
    document.apply_command(add_steering(example_result()))
    data = SteeringPart().write(document)
    record = json.loads(json.dumps(data["steering"][0]))
    record |= {"author": "me", "query": {**record["query"], "sampler": {"top_p": 0.9}}}
    record["texts"][-1]["rating"] = 3
    (result,) = SteeringPart().state(FileContents({"steering": [record]}, {}))["steering"]
    assert result == example_result()
    again = Document()
    again.apply_command(add_steering(replace(result, is_whole=result.is_whole)))
    save_document(again, tmp_path / "a.circuit")
    reopened = open_document(tmp_path / "a.circuit")
    save_document(reopened, tmp_path / "b.circuit")
    for name in "ab":
        manifest = json.loads(zipfile.ZipFile(tmp_path / f"{name}.circuit").read("document.json"))
        assert manifest["steering"] == [record]


def test_the_oldest_texts_leave_where_a_file_could_not_hold_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    document, n_tokens = labelled_document(), example_result().n_tokens
    assert n_tokens > 0
    monkeypatch.setattr(steering_commands, "MAX_STEERING_TOKENS", 3 * n_tokens)
    for seed in range(5):
        document.apply_command(add_steering(example_result(seed=seed)))
    assert [one.query.seed for one in document.state.steering] == [2, 3, 4]
    monkeypatch.setattr(steering_commands, "MAX_STEERING_TOKENS", 1)
    document.apply_command(add_steering(example_result(seed=5)))
    assert [one.query.seed for one in document.state.steering] == [5]  # the newest always stays


def test_a_query_without_bos_and_precision_has_the_models_own() -> None:
    data = {"steering": [example_result(bos=False, dtype="float32").to_json()]}
    del data["steering"][0]["query"]["bos"], data["steering"][0]["query"]["dtype"]
    (again,) = SteeringPart().state(FileContents(data, {}))["steering"]
    assert again == example_result()


def numbers(*edges: float) -> st.SearchStrategy[Any]:
    """Numbers of any size, often near the edges of what files hold."""
    return st.sampled_from([*edges, *edges, 0, 1, 0.5, -2.0, -3, 1e300, 2**64, float("nan"), float("-inf")])


@settings(max_examples=200)
@given(
    action=st.sampled_from(["scale", "set", "add", "zero", "mean"]),
    amount=numbers(3.4e38, -3.4e38, 3.5e38),
    positions=st.lists(numbers(2**20, -(2**20), 2**20 + 1, 0, True), max_size=2),
    strengths=st.lists(numbers(3.4e38, 3.5e38, -1e300), max_size=2),
    more=st.fixed_dictionaries(
        {},
        optional={
            "steered_tokens": st.sampled_from([*STEERED_TOKENS, "none"]),
            "max_tokens": numbers(1, 2000, 2001, True),
            "temperature": numbers(0, 0.7, 3.4e38, 1e39),
            "seed": numbers(0, 2**63 - 1, 2**63, True, 1.0),
            "bos": st.sampled_from([True, False, None]),
        },
    ),
)
def test_every_query_that_is_accepted_can_be_read_again(
    action: str, amount: Any, positions: list[Any], strengths: list[Any], more: dict[str, Any]
) -> None:
    try:
        changes = {"m1": Intervention(action, amount, tuple(positions))}
        query = SteeringQuery("demo", "x", changes, tuple(strengths), **more)
    except InputError:
        return
    document = Document()
    document.apply_command(add_steering(replace(example_result(), query=query)))
    data = json.loads(json.dumps(SteeringPart().write(document)))
    (again,) = SteeringPart().state(FileContents(data, {}))["steering"]
    assert again.query == query and again.digest == document.state.steering[0].digest


def test_numbers_of_a_text_are_summarised() -> None:
    (plain, steered) = example_result().continuations
    assert plain.mean_log_probability_ratio is None  # one plain probability is not known
    assert steered.mean_log_probability_ratio == pytest.approx(0.6931, abs=1e-4)
    assert (plain.title, steered.title, replace(steered, strength=None).title) == (
        "plain", "strength −4.5", "steered",
    )  # fmt: skip
    assert example_result().table()[1] == ["plain", 0, " a", 0.5, 0.25]
