"""What others say that features mean, read from their files, and what the person says, kept apart."""

from circuitviz.features.explanations.examples import read_examples
from circuitviz.features.explanations.reading import Explanation, ExplanationFile, read_explanations
from circuitviz.features.explanations.store import OWN, Explanations

__all__ = ["OWN", "Explanation", "ExplanationFile", "Explanations", "read_examples", "read_explanations"]
