"""Training of dictionaries, and of the demo model."""

from circuitviz.training.dictionary_quality import (
    DictionaryQuality,
    loss_recovered_steps,
    measure_dictionary_steps,
    splice_hooks,
)
from circuitviz.training.recipe import DictionaryRecipe, TrainingPoint
from circuitviz.training.site_activations import collect_activations, parse_site, trainable_sites
from circuitviz.training.train_dictionary import TrainedDictionary, train_dictionary_steps

__all__ = [
    "DictionaryQuality",
    "TrainingPoint",
    "DictionaryRecipe",
    "TrainedDictionary",
    "collect_activations",
    "measure_dictionary_steps",
    "parse_site",
    "loss_recovered_steps",
    "splice_hooks",
    "train_dictionary_steps",
    "trainable_sites",
]
