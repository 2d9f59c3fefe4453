"""What others say that features mean, read from their files, and what the person says, kept apart."""

from circuitviz.features.explanations.examples import read_example_texts
from circuitviz.features.explanations.reading import Explanation, ExplanationFile, read_explanations
from circuitviz.features.explanations.store import OWN_SOURCE, ExplanationStore

__all__ = ["OWN_SOURCE", "Explanation", "ExplanationFile", "ExplanationStore", "read_example_texts", "read_explanations"]
