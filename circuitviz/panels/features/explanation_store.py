"""Location of data that belongs to no document: the feature indexes and the store of explanations."""

from __future__ import annotations

from circuitviz.features import explanations
from circuitviz.resources import user_data_folder

__all__ = ["STORE_FILE_NAME", "user_data_folder", "open_explanations"]

STORE_FILE_NAME = "explanations.sqlite"


def open_explanations() -> explanations.ExplanationStore:
    """Opens the store of feature labels, the user's and imported ones; the caller closes it."""
    return explanations.ExplanationStore(user_data_folder() / STORE_FILE_NAME)
