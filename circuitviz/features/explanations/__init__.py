"""What others say that features mean, read from their files, and what the person says, kept apart."""

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
