"""Where the application keeps what belongs to no one document: indexes, explanations, dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.resources import data_folder

if TYPE_CHECKING:
    from circuitviz.features.explanations import Explanations

__all__ = ["STORE", "data_folder", "explanations"]

STORE = "explanations.sqlite"


def explanations() -> Explanations:
    """What is said of features, by the person and by others; to be closed."""
    from circuitviz.features.explanations import Explanations

    return Explanations(data_folder() / STORE)
