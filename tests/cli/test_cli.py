"""The command line's contract: names, JSON keys, exit codes, one line for a wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # an unknown name is refused without asking the network

import circuitviz as cv
from circuitviz.__main__ import main

PromptRun = Callable[..., Any]
QUICK = ("--prompts", "8")


pytestmark = pytest.mark.usefixtures("qapp")  # else export makes one without widgets, for good


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small circuit of the demo model."""
    path = tmp_path_factory.mktemp("cli") / "ioi.circuit"
    assert main(["discover", "-m", "demo", "-t", "ioi", *QUICK, "--edges", "60", "-o", str(path)]) == 0
    return path


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> PromptRun:
    """Run a command that must succeed with --json; returns what it printed."""

    def run(*argv: object) -> Any:
        capsys.readouterr()
        code = main([*map(str, argv), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    return run


def test_discover_json(ask: PromptRun, tmp_path: Path) -> None:
    out = tmp_path / "out.circuit"
    data = ask("discover", "-m", "demo", "-t", "ioi", *QUICK, "--method", "eap-ig", "--steps", 2,
               "--edges", 40, "-o", out)  # fmt: skip
    assert {"method", "options", "seconds", "edges", "nodes", "model", "task"} <= data.keys()
    assert (data["method"], data["model"], data["task"]) == ("eap-ig", "demo", "ioi")
    assert data["options"]["steps"] == 2
    assert 0 < data["edges"] <= 40 and data["nodes"] > 2 and data["seconds"] > 0
    assert out.stat().st_size > 0


def test_discover_is_the_same_for_the_same_seed(ask: PromptRun, tmp_path: Path) -> None:
    for name in ("a.circuit", "b.circuit"):
        ask("discover", *QUICK, "--method", "eap", "--seed", 3, "--edges", 50, "-o", tmp_path / name)
    data = ask("compare", tmp_path / "a.circuit", tmp_path / "b.circuit")
    assert data["edges"]["iou"] == 1.0


def test_results_go_to_standard_output_and_messages_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.circuit"
    assert main(["discover", *QUICK, "--method", "eap", "--edges", "30", "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1 and "edges" in said.out
    assert str(out) in said.err and str(out) not in said.out


@pytest.mark.parametrize("task", ["greater-than", "sva", "gender"])
def test_discover_on_every_task(ask: PromptRun, task: str) -> None:
    assert ask("discover", "-t", task, *QUICK, "--method", "eap", "--edges", 30)["task"] == task


def test_discover_on_a_file(ask: PromptRun, tmp_path: Path) -> None:
    csv = tmp_path / "pairs.csv"
    csv.write_text(
        "clean,corrupted,correct,incorrect\n"
        '"Then Ian and Betty went to the park. Betty gave a book to",'
        '"Then Ian and Betty went to the park. Paul gave a book to", Ian, Betty\n'
    )
    data = ask("discover", "-t", csv, "--method", "eap", "--edges", 20)
    assert data["edges"] > 0


def test_evaluate_json(ask: PromptRun, found: Path) -> None:
    data = ask("evaluate", found)
    assert {"faithfulness", "metric", "edges", "nodes", "setting"} <= data.keys()
    assert {"value", "low", "high"} <= data["faithfulness"].keys()
    assert {"circuit", "model", "ablated"} <= data["metric"].keys()
    assert {"metric", "ablation", "prompts", "seed"} <= data["setting"].keys()
    assert data["setting"]["prompts"] == 8 and data["setting"]["sample"] == "in-sample"
    assert data["random"]["circuits"] == 20 and data["random"]["asked"] == data["edges"]
    assert data["random"]["low"] <= data["random"]["value"] <= data["random"]["high"]
    low, value, high = (data["faithfulness"][k] for k in ("low", "value", "high"))
    assert low <= value <= high
    whole, nothing = data["metric"]["model"], data["metric"]["ablated"]
    assert value == pytest.approx((data["metric"]["circuit"] - nothing) / (whole - nothing), rel=1e-4)


def test_evaluate_in_another_setting(ask: PromptRun, found: Path) -> None:
    setting = ask("evaluate", found, "--metric", "kl", "--ablation", "zero", "--no-random")["setting"]
    assert (setting["metric"], setting["ablation"]) == ("kl", "zero")


def test_evaluate_curve(ask: PromptRun, found: Path) -> None:
    data = ask("evaluate", found, "--measures", "faithfulness,curve")
    assert len(data["curve"]) > 3
    assert {"edges", "value", "low", "high"} <= data["curve"][0].keys()
    assert data["curve"][-1]["value"] == pytest.approx(1.0, abs=1e-3)
    assert [point["asked"] for point in data["curve_random"]] == [point["asked"] for point in data["curve"]]


def test_evaluate_says_which_prompts_judge_beside_random_circuits(
    found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(found)]) == 0
    printed = capsys.readouterr().out
    assert "in-sample: the prompts of the search" in printed and "20 random circuits of" in printed
    assert main(["evaluate", str(found), "-t", "ioi", "--prompts", "4", "--seed", "99", "--no-random"]) == 0
    printed = capsys.readouterr().out
    assert "held-out: none of them a prompt of the search" in printed and "random" not in printed


def test_evaluate_roles_is_a_table(found: Path, ask: PromptRun, capsys: pytest.CaptureFixture[str]) -> None:
    roles = ask("evaluate", found, "--measures", "roles")["roles"]["roles"]
    assert main(["evaluate", str(found), "--measures", "roles"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for one in roles.values():
        (line,) = [line for line in lines if line.startswith(f"{one['role']} ({one['unit']}) ")]
        best = max((s, head) for head, s in one["scores"].items() if s is not None)
        assert line.partition(")")[2].split()[:2] == [best[1], f"{best[0]:.3f}"]


def test_compare_json(ask: PromptRun, found: Path) -> None:
    data = ask("compare", found, found)
    assert {"edges", "nodes", "auroc"} <= data.keys()
    for what in ("edges", "nodes"):
        assert {"shared", "left", "right", "iou", "precision", "recall"} <= data[what].keys()
        assert (data[what]["iou"], data[what]["left"], data[what]["right"]) == (1.0, 0, 0)


def test_inspect_json(ask: PromptRun, found: Path) -> None:
    data = ask("inspect", found, "--node", "a3.h1", "--prompt", 1)
    assert {"node", "logit_lens", "direct_logit_attribution", "attention"} <= data.keys()
    token, logit, probability = data["logit_lens"]["top"][0]
    assert isinstance(token, str) and isinstance(logit, float) and 0 <= probability <= 1
    assert data["logit_lens"]["answers"]
    for row in data["attention"]:
        assert sum(row) == pytest.approx(1.0, abs=1e-3)


def test_inspect_an_edge_by_position(ask: PromptRun, found: Path) -> None:
    edge = next(name for name in cv.open_document(found).state.circuit.edge_names if name.endswith(">"))
    data = ask("inspect", found, "--edge", edge, "--prompt", 1)
    read = cv.open(found).read_edge(edge, 1)
    assert (data["edge"], data["prompt"], data["channel"]) == (edge, 1, edge[-2])
    assert data["positions"] == pytest.approx(read.positions.tolist()) and data["tokens"] == read.tokens
    assert data["score"] == pytest.approx(sum(data["positions"]))
    assert sum(map(sum, data["pairs"])) == pytest.approx(data["score"], abs=1e-6)


def test_inspect_an_mlp_and_the_input(ask: PromptRun, found: Path) -> None:
    assert ask("inspect", found, "--node", "m2")["attention"] is None
    assert ask("inspect", found, "--node", "input")["node"] == "input"


@pytest.mark.parametrize("suffix", [".csv", ".json", ".graphml", ".dot", ".svg", ".pdf", ".png"])
def test_export(ask: PromptRun, found: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"figure{suffix}"
    known = {row["suffix"] for row in ask("list", "formats") if "suffix" in row}
    if suffix not in known | {".svg", ".pdf", ".png"}:
        pytest.skip(f"no {suffix} yet")
    assert ask("export", found, "-o", out) == {"output": str(out)}
    assert out.stat().st_size > 100
    if suffix in (".svg", ".graphml"):
        ET.parse(out)


def test_export_and_import_give_the_same_circuit_back(ask: PromptRun, found: Path, tmp_path: Path) -> None:
    other, back = tmp_path / "other.json", tmp_path / "back.circuit"
    ask("export", found, "-o", other)
    ask("import", other, "-o", back)
    assert ask("compare", found, back)["edges"]["iou"] == 1.0


@pytest.mark.parametrize("what", ["models", "tasks", "methods", "metrics", "ablations", "formats"])
def test_list(ask: PromptRun, what: str) -> None:
    rows = ask("list", what)
    assert rows and all(row["name"] and "error" not in row for row in rows)
    must = {"models": "demo", "tasks": "ioi", "methods": "eap-ig", "metrics": "logit-diff",
            "ablations": "corrupted", "formats": "circuit"}  # fmt: skip
    assert must[what] in {row["name"] for row in rows}


@pytest.mark.parametrize("argv", [["-h"], ["discover", "-h"], ["evaluate", "--help"], ["--version"]])
def test_help_and_version(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 0
    assert "circuitviz" in capsys.readouterr().out


def test_help_of_discover_shows_the_options_of_the_method(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["discover", "--method", "eap-ig", "-h"])
    assert "--steps" in capsys.readouterr().out


def test_help_is_quick_and_imports_neither_torch_nor_qt() -> None:
    code = (
        "import sys\nfrom circuitviz.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'transformer_lens', 'PySide6'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_task_is_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "-t", "no-such-task"]) == 2
    printed = capsys.readouterr()
    assert not printed.out and printed.err.count("\n") == 1 and "no-such-task" in printed.err


def test_python_m_circuitviz(tmp_path: Path) -> None:
    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "circuitviz", *argv], capture_output=True, text=True, cwd=tmp_path
        )

    helped = run("--help")
    assert helped.returncode == 0 and "discover" in helped.stdout and not helped.stderr
    wrong = run("import", "no-such-file.csv", "-o", "a.circuit")
    assert wrong.returncode == 2 and not wrong.stdout
    assert wrong.stderr.count("\n") == 1 and "no-such-file.csv" in wrong.stderr


def test_export_draws_without_a_screen(found: Path, tmp_path: Path) -> None:
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    env = {name: value for name, value in os.environ.items() if name not in screens}
    out = tmp_path / "figure.svg"
    done = subprocess.run(
        [sys.executable, "-m", "circuitviz", "export", str(found), "-o", str(out)],
        capture_output=True, text=True, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    svg = ET.parse(out).getroot()
    assert not list(svg.iter("{http://www.w3.org/2000/svg}image"))
    assert list(svg.iter("{http://www.w3.org/2000/svg}text"))


def test_a_reference_is_compared_and_evaluated_by_its_name(ask: PromptRun, tmp_path: Path) -> None:
    out = tmp_path / "reverse.circuit"
    ask("discover", "-m", "reverse", "-t", "reverse", "--method", "acdc", "--prompts", "16", "-o", out)
    found = ask("compare", out, "reverse-corrupted")
    assert found["edges"]["precision"] == found["edges"]["recall"] == found["auroc"] == 1.0
    assert found["average_precision"] == found["precision_at_size"] == 1.0
    names = {row["name"] for row in ask("list", "references")}
    assert {"ioi-gpt2", "reverse-zero", "backup-corrupted"} <= names
    for name in ("reverse-zero", "reverse-corrupted"):
        told = ask("evaluate", name, "--prompts", "12", "--no-random")
        assert told["faithfulness"]["value"] == pytest.approx(1.0, abs=1e-5)
        assert told["setting"]["ablation"] == name.partition("-")[2]


def test_a_circuit_is_evaluated_on_another_task_and_read_there(
    ask: PromptRun, found: Path, tmp_path: Path
) -> None:
    told = ask("evaluate", found, "-t", "gender", "--prompts", "6", "--no-random")
    assert told["setting"]["prompts"] == 6 and told["faithfulness"]["value"] < 0.9
    ask("export", found, "-o", tmp_path / "a.json")  # which names neither model nor task
    ask("import", tmp_path / "a.json", "-o", tmp_path / "a.circuit")
    again = ask("evaluate", tmp_path / "a.circuit", "-m", "demo", "-t", "ioi", *QUICK, "--no-random")
    assert again["faithfulness"] == ask("evaluate", found, "--no-random")["faithfulness"]
    read = ask("inspect", tmp_path / "a.circuit", "-m", "demo", "-t", "gender", "--node", "a2.h6")
    assert read["node"] == "a2.h6"
