"""Training dictionaries: what they see, the loop, its state on disk, and figures of what came of it."""

from circuitviz.features.training.activations import collect_activations, parse_site, trainable_sites
from circuitviz.features.training.figures import DictionaryQuality, measure_dictionary_steps, loss_recovered_steps, splice_hooks
from circuitviz.features.training.loop import TrainingPoint, DictionaryRecipe, TrainedDictionary, train_dictionary_steps

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
