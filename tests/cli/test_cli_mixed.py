"""Circuits mixed of heads and features from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from circuitviz.__main__ import main
from circuitviz.document import Evidence, TaskOrigin
from circuitviz.errors import InputError
from circuitviz.features.feature_activations import is_feature_name
from circuitviz.formats import open_document
from circuitviz.resources import resource_path
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.check_claims import CheckClaims, ClaimChecked, LabelClaim
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.open_document_model import OpenDocumentModel


@pytest.mark.usefixtures("qapp")  # a picture needs an application, which is the window's in other tests
def test_discover_and_evaluate_a_mixed_circuit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mixed.circuit"
    given = "--method task-attribution --sites a2,m3 --features 8 --steps 1 --prompts 6 --edges 60 --json"
    assert main(["discover", "-m", "demo", "-t", "ioi", *given.split(), "-o", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "task-attribution" and found["edges"] == 60
    assert found["options"]["sites"] == "a2,m3"
    assert main(["evaluate", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    metric, value = told["metric"], told["faithfulness"]["value"]
    assert value == pytest.approx(
        (metric["circuit"] - metric["ablated"]) / (metric["model"] - metric["ablated"])
    )
    assert told["faithfulness"]["low"] < value < told["faithfulness"]["high"]
    assert main(["export", str(path), "-o", str(tmp_path / "mixed.svg")]) == 0
    assert "a2.f" in (tmp_path / "mixed.svg").read_text()


def test_claims_find_the_folder_of_dictionaries_that_a_circuit_was_found_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task's circuit names one folder as text, a prompt's lists them."""
    path, folder = tmp_path / "mixed.circuit", str(resource_path("demo", "dictionaries"))
    given = (
        "--method task-attribution --sites a2 --features 4 --steps 1 --prompts 4 --edges 60 --dictionaries"
    )
    assert main(["discover", *given.split(), folder, "-o", str(path)]) == 0
    state = open_document(path).state
    assert state.circuit is not None and state.origin is not None
    assert state.origin.dictionaries == (folder,)
    feature = next(name for name in state.circuit.node_names if is_feature_name(name))
    assert main(["label", "set", str(path), feature, "fires on names"]) == 0
    capsys.readouterr()
    test = ["--target", feature, "--test", "activation", "--where", "all", "--prompts", "4"]
    assert main(["label", "test", str(path), *test, "--counterfactual", "name-swapped", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["outcome"]["prompts"] == 4

    labelled = open_document(path).state
    claim = LabelClaim(
        feature, Evidence("it fires", "activation"), (feature,), (), labelled.evidence_context_of(feature)
    )
    engine = Engine()
    list(OpenDocumentModel(labelled.origin, labelled.circuit).execute(engine))
    replies = list(CheckClaims((claim,), (), labelled.origin).execute(engine))
    (tried,) = [reply for reply in replies if isinstance(reply, ClaimChecked)]
    assert tried.outcome.verdict and not any(isinstance(reply, JobFailed) for reply in replies)

    assert engine.experiment is not None and isinstance(labelled.origin, TaskOrigin)
    engine.experiment.origin = replace(labelled.origin, task="what a running search is of")
    with pytest.raises(InputError, match="once it is over"):
        list(CheckClaims((claim,), (), labelled.origin).execute(engine))


def test_a_site_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    given = "discover -m demo -t ioi --method task-attribution --sites b7 --prompts 4"
    assert main(given.split()) == 2
    assert "'b7' is no site" in capsys.readouterr().err
