"""Dictionaries of features, and circuits whose nodes are features."""

from circuitviz.features.dictionary import ARCHITECTURES, Dictionary
from circuitviz.features.loading import (
    check_dictionary,
    check_set,
    dictionary_places,
    load_dictionaries,
    load_dictionary,
)
from circuitviz.features.saelens import from_state, write_folder
from circuitviz.features.sites import Site

__all__ = [
    "ARCHITECTURES",
    "Dictionary",
    "Site",
    "check_dictionary",
    "check_set",
    "dictionary_places",
    "from_state",
    "load_dictionaries",
    "load_dictionary",
    "write_folder",
]
