"""SmolLM2-135M-Instruct, a real model of 30 layers with grouped queries, opened once per process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from circuitviz.models import Model, load_model

FOLDER = "CIRCUITVIZ_REAL_MODEL"  # the variable that names the model's folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder; they run on one process, as each opened model takes 1.2 GB."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real_model)


@pytest.fixture(scope="session")
def folder() -> Path:
    """The model's folder."""
    if not os.environ.get(FOLDER):
        pytest.skip(f"{FOLDER} does not name the folder of a real model")
    return Path(os.environ[FOLDER])


@pytest.fixture(scope="session")
def model(folder: Path) -> Model:
    """The opened model."""
    torch.manual_seed(0)
    return load_model(str(folder))
