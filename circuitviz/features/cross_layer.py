"""What features of cross-layer transcoders write to the MLP outputs of layers after their own.

Each layer of such a transcoder is a ``Dictionary`` at its own site. What a layer's MLP writes is rebuilt by
the features of that layer and of all layers before that are open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.prompt_run import PromptRun


def later_layers(dictionaries: Mapping[str, Dictionary], dictionary: Dictionary) -> list[int]:
    """Return the layers after its own that a dictionary's features write to.

    Those of which a cross-layer transcoder is open: what other layers' MLPs write is one node.

    Args:
        dictionaries: By site, those that are open.
        dictionary: One of them.
    """
    layers = range(dictionary.site.layer + 1, dictionary.last_layer + 1)
    return [layer for layer in layers if _is_cross_layer(dictionaries, layer)]


def earlier_writers(dictionaries: Mapping[str, Dictionary], dictionary: Dictionary) -> list[Dictionary]:
    """Return the dictionaries of earlier layers whose features write to a dictionary's site.

    Args:
        dictionaries: By site, those that are open.
        dictionary: One of them.
    """
    layer = dictionary.site.layer
    if dictionary.later_decoder is None:
        return []
    others = (dictionaries[f"m{i}"] for i in range(layer) if _is_cross_layer(dictionaries, i))
    return [other for other in others if other.last_layer >= layer]


def _is_cross_layer(dictionaries: Mapping[str, Dictionary], layer: int) -> bool:
    dictionary = dictionaries.get(f"m{layer}")
    return dictionary is not None and dictionary.later_decoder is not None


@dataclass(eq=False)
class SiteReconstructions:
    """Reconstructions of sites in one pass, from activations that are given layer by layer.

    Attributes:
        dictionaries: By site, those that are open.
        activations: By layer, those of cross-layer transcoders so far, [..., features].
    """

    dictionaries: Mapping[str, Dictionary]
    activations: dict[int, Tensor] = field(default_factory=dict)

    def reconstruct(self, dictionary: Dictionary, activation: Tensor) -> Tensor:
        """Return what is written at a site without a skip connection, [..., d_out].

        Args:
            dictionary: The site's dictionary.
            activation: Its activations, [..., features].
        """
        output = dictionary.decode(activation)
        if dictionary.later_decoder is not None:
            self.activations[dictionary.site.layer] = activation
        return output + self.from_earlier(dictionary, output)

    def from_earlier(self, dictionary: Dictionary, like: Tensor) -> Tensor:
        """Return what earlier layers' features write at a site, of the shape of ``like`` [..., d_out]."""
        total = like.new_zeros(like.shape)
        for writer in earlier_writers(self.dictionaries, dictionary):
            layer = dictionary.site.layer
            total = total + writer.write_at(self.activations[writer.site.layer], layer)
        return total


def reconstruct_in_run(
    run: PromptRun, dictionaries: Mapping[str, Dictionary], dictionary: Dictionary
) -> Tensor:
    """Return a site's reconstruction in a run, with its skip connection, [time, d_out].

    Args:
        run: The run.
        dictionaries: By site, those that are open.
        dictionary: The site's.
    """
    output = dictionary.reconstruct(run.dictionary_input(dictionary))
    for writer in earlier_writers(dictionaries, dictionary):
        activation = writer.encode(run.dictionary_input(writer))
        output = output + writer.write_at(activation, dictionary.site.layer)
    return output
