"""A plan becomes cells, each with a digest of all that decides its numbers; what is wrong in it is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuitviz.errors import InputError
from circuitviz.evaluation import EDGE_SHARES
from circuitviz.resources import resource_path
from circuitviz.sweeps import PlannedItem, SweepCell, parse_plan, read_plan

HERE = Path(".")
CELL = parse_plan({"methods": [{"name": "eap-ig", "steps": 3}]}, "p", HERE).cells[0]


def test_every_combination_is_one_cell() -> None:
    plan = parse_plan(
        {
            "models": ["demo", "reverse"],
            "tasks": ["ioi", {"name": "sva", "label": "agreement"}],
            "methods": ["eap", {"name": "eap-ig", "steps": 3}, "random"],
            "seeds": [0, 1],
            "ablations": ["corrupted", "zero"],
            "sizes": [0.01, 200],
            "grid": [{}, {"models": ["demo"]}, {"models": ["backup"], "tasks": ["backup"], "seeds": [7]}],
        },
        "p",
        HERE,
    )
    of_first = {(m, t, c, s, a) for m in ("demo", "reverse") for t in ("ioi", "agreement")
                for c in ("eap", "eap-ig (steps 3)", "random") for s in (0, 1) for a in ("corrupted", "zero")}  # fmt: skip
    of_last = {
        ("backup", "backup", c, 7, a)
        for c in ("eap", "eap-ig (steps 3)", "random")
        for a in ("corrupted", "zero")
    }
    found = [(c.model, c.task.label, c.method.label, c.seed, c.ablation) for c in plan.cells]
    assert set(found) == of_first | of_last and len(found) == len(set(found))  # the second grid adds nothing
    assert all(cell.sizes == (0.01, 200.0) for cell in plan.cells)
    places = [(cell.model, cell.task.label) for cell in plan.cells]
    assert len([a for a, b in zip(places, [None, *places], strict=False) if a != b]) == 5  # each opened once


def test_an_empty_plan_is_one_cell_of_the_defaults_at_the_sizes_of_mib() -> None:
    (cell,) = parse_plan({}, "p", HERE).cells
    assert (cell.model, cell.task.name, cell.method.name, cell.sizes) == (
        "demo",
        "ioi",
        "eap-ig",
        EDGE_SHARES,
    )
    assert dict(cell.method.options)["steps"] == 5  # options that are not given stand in it, too


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"task": PlannedItem("sva", "ioi")},
        {"task": replace(CELL.task, options=(("names", 3),))},
        {"method": PlannedItem("eap", "eap-ig")},
        {"method": replace(CELL.method, options=(("steps", 4),))},
        {"ablation": "zero"},
        {"seed": 1},
        {"metric": "kl"},
        {"dtype": "bfloat16"},
        {"select": "top"},
        {"sizes": (0.5,)},
        {"prompts": 3},
        {"search_prompts": 3},
        {"files": (*CELL.files, ("task", "0" * 64))},
        {"files": (("model", "0" * 64),)},
    ],
)
def test_what_decides_numbers_decides_the_digest(change: dict[str, Any]) -> None:
    known = {*SweepCell.__dataclass_fields__}
    assert change.keys() <= known
    # the demo's name counts by its files' digest, so that the change of a name alone is of a model without files
    before = replace(CELL, files=()) if "model" in change else CELL
    assert replace(before, **change).digest != before.digest


def test_every_field_of_a_cell_is_tested_above() -> None:
    marks = test_what_decides_numbers_decides_the_digest.pytestmark  # type: ignore[attr-defined]
    changed = {name for change in marks[0].args[1] for name in change}
    assert changed == set(SweepCell.__dataclass_fields__)


def test_names_of_rows_and_places_of_files_decide_nothing(tmp_path: Path) -> None:
    assert (
        replace(CELL, task=replace(CELL.task, label="x"), method=replace(CELL.method, label="y")).digest
        == CELL.digest
    )
    rows = "clean,corrupted,correct,incorrect\nA cat sat,A dog sat, on, off\n"
    digests = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        shutil.copytree(str(resource_path("known", "reverse")), folder / "model")
        (folder / "own.csv").write_text(rows)
        (folder / "plan.toml").write_text('models = ["model"]\ntasks = ["own.csv"]\n')
        (cell,) = read_plan(folder / "plan.toml").cells
        assert cell.model == str(folder / "model") and cell.task.label == "own"
        digests.append(cell.digest)
    assert digests[0] == digests[1]
    (tmp_path / "b" / "own.csv").write_text(rows.replace("cat", "cow"))
    (other,) = read_plan(tmp_path / "b" / "plan.toml").cells
    weights = next((tmp_path / "a" / "model").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\x80?")
    (changed,) = read_plan(tmp_path / "a" / "plan.toml").cells
    assert len({digests[0], other.digest, changed.digest}) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": ["demo"]}, "no key 'model'; .*Did you mean 'models'"),
        ({"models": "demo"}, "'models' is 'demo'; a list"),
        ({"models": []}, "'models' is \\[\\]; a list with at least one entry"),
        ({"models": ["./nowhere"]}, "There is no folder './nowhere'"),
        ({"tasks": ["ioy"]}, "no task 'ioy'.*Did you mean 'ioi'"),
        ({"tasks": ["own.csv"]}, "no task file 'own.csv'; paths are relative"),
        ({"tasks": [{"label": "x"}]}, "a task is .*; a name, or a table"),
        ({"tasks": [{"name": "ioi", "nope": 1}]}, "task 'ioi': There is no option 'nope'"),
        ({"methods": ["eap_ig"]}, "no method 'eap_ig'.*Did you mean 'eap-ig'"),
        ({"methods": [{"name": "eap-ig", "steps": 0}]}, "method 'eap-ig': --steps was given 0"),
        ({"methods": [{"name": "random", "circuits": "x"}]}, "method 'random': --circuits was given 'x'"),
        ({"methods": [{"name": "eap", "label": 3}]}, "label of the method 'eap' is 3"),
        ({"ablations": ["zeros"]}, "no ablation 'zeros'.*Did you mean 'zero'"),
        ({"metric": "logit"}, "no metric 'logit'"),
        ({"dtype": "float8"}, "no dtype 'float8'"),
        ({"select": "threshold"}, "no select 'threshold'"),
        ({"sizes": [0]}, "a size is 0; a share"),
        ({"sizes": [1.5]}, "a size is 1.5; a share"),
        ({"sizes": [True]}, "a size is True"),
        ({"sizes": [float("nan")]}, "a size is nan"),
        ({"seeds": [-1]}, "a seed is -1"),
        ({"prompts": 0}, "'prompts' is 0; 1 or more"),
        ({"prompts": True}, "'prompts' is True; a whole number"),
        ({"search_prompts": -1}, "'search_prompts' is -1; 0 or more"),
        ({"grid": {"models": ["demo"]}}, "write each as \\[\\[grid\\]\\]"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_plan_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_plan(given, "p", HERE)


def test_a_file_that_is_no_toml_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("models = [\n")
    with pytest.raises(InputError, match=r"'p.toml' is not TOML: .*at end of document"):
        read_plan(path)
    with pytest.raises(InputError, match="There is no file"):
        read_plan(tmp_path / "nowhere.toml")
