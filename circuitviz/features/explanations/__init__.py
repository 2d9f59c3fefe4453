"""Explanations of features: imported from other tools' files, and a person's own, kept apart."""

from circuitviz.features.explanations.example_files import read_example_texts
from circuitviz.features.explanations.explanation_files import Explanation, ExplanationFile, read_explanations
from circuitviz.features.explanations.explanation_store import OWN_SOURCE, ExplanationStore

__all__ = [
    "OWN_SOURCE",
    "Explanation",
    "ExplanationFile",
    "ExplanationStore",
    "read_example_texts",
    "read_explanations",
]
