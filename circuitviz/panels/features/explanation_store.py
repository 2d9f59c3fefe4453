"""Where the application keeps what belongs to no one document: indexes, explanations, dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.resources import user_data_folder

if TYPE_CHECKING:
    from circuitviz.features.explanations import ExplanationStore

__all__ = ["STORE_FILE_NAME", "user_data_folder", "open_explanations"]

STORE_FILE_NAME = "explanations.sqlite"


def open_explanations() -> ExplanationStore:
    """What is said of features, by the person and by others; to be closed."""
    from circuitviz.features.explanations import ExplanationStore

    return ExplanationStore(user_data_folder() / STORE_FILE_NAME)
