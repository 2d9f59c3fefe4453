"""Training dictionaries: what they see, the loop, its state on disk, and figures of what came of it."""

from circuitviz.features.training.activations import activations, parse_site, trainable_sites
from circuitviz.features.training.figures import Figures, measure_steps, recovered_steps, splice
from circuitviz.features.training.loop import Point, Recipe, Trained, train_steps

__all__ = [
    "Figures",
    "Point",
    "Recipe",
    "Trained",
    "activations",
    "measure_steps",
    "parse_site",
    "recovered_steps",
    "splice",
    "train_steps",
    "trainable_sites",
]
