"""Bases of listed features for some sites of a model, on batches of prompts.

A site's output is the sum of the listed features, each its activation times its direction, and of an error
that includes the reconstruction error and all other features. The sum is exact, so that a pass without
changes equals the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_loading import load_dictionaries, paths_or_shipped
from circuitviz.features.hook_points import site_hooks
from circuitviz.features.sites import PARTS
from circuitviz.graph import Graph
from circuitviz.graph.feature_sites import feature_sites, graph_with_features
from circuitviz.graph.names import parse_folders, site_sort_key
from circuitviz.models import Model
from circuitviz.models.model import Hook


@dataclass(frozen=True, eq=False)
class SiteBasis:
    """A site with its dictionary and the features that are listed.

    Attributes:
        model: The model.
        dictionary: The site's dictionary.
        listed: Indices of features [listed].
    """

    model: Model
    dictionary: Dictionary
    listed: Tensor

    @property
    def name(self) -> str:
        """The site, ``a2``, ``m3`` or ``r4``."""
        return self.dictionary.site.name

    @cached_property
    def listed_indices(self) -> list[int]:
        """``listed`` on the host."""
        return self.listed.tolist()

    @property
    def error_name(self) -> str:
        """The name of the error's node."""
        return f"{self.name}.error"

    @property
    def is_residual(self) -> bool:
        """Whether it is a point of the residual stream, so that the stream passes through its error, too."""
        return self.dictionary.site.is_residual

    @property
    def is_of_head_values(self) -> bool:
        """Whether the dictionary reads and writes the values of all heads side by side."""
        return self.dictionary.site.reads == "z"

    def listed_activations(self, read: Tensor) -> Tensor:
        """Return activations of the listed features, [..., d_in] → [..., listed]."""
        return self.dictionary.encode(read)[..., self.listed]

    def listed_decoder_rows(self) -> Tensor:
        """Return what each listed feature writes at activation 1, as the site writes it, [listed, d_out]."""
        return self.dictionary.decoder_rows(self.listed)

    def listed_directions(self) -> Tensor:
        """Return the same in the residual stream, [listed, d_model]."""
        rows = self.listed_decoder_rows()
        return rows @ self._w_o if self.is_of_head_values else rows

    def to_residual_stream(self, written: Tensor) -> Tensor:
        """Return a site's output in the residual stream, [..., d_out] → [..., d_model]."""
        return written @ self._w_o if self.is_of_head_values else written

    @property
    def _w_o(self) -> Tensor:
        return self.model.layers[self.dictionary.site.layer].o.flatten(0, 1)


SiteBasisCallback = Callable[[SiteBasis, Tensor, Tensor], Tensor | None]
"""(site, what it reads [batch, time, d_in], what it writes [batch, time, d_out]) → what it writes instead."""


@dataclass(frozen=True, eq=False)
class FeatureBasis:
    """The sites of a model that are shown in features, by name."""

    model: Model
    sites: Mapping[str, SiteBasis]

    @staticmethod
    def from_graph(model: Model, graph: Graph, dictionaries: Mapping[str, Dictionary]) -> FeatureBasis:
        """Make the basis that a graph has.

        Raises:
            InputError: A site's dictionary is missing, or has too few features.
        """
        sites = {}
        for name, listed in feature_sites(graph).items():
            dictionary = dictionaries.get(name)
            if dictionary is None:
                raise InputError(
                    f"The circuit has {name} opened into features, and no dictionary of {name} is given; "
                    "open the dictionaries that it was found with."
                )
            if listed and max(listed) >= dictionary.features:
                raise InputError(
                    f"The circuit names {name}.f{max(listed)}, and '{dictionary.name}' has "
                    f"{dictionary.features:,} features; open the dictionary that it was found with."
                )
            index = torch.tensor(listed, dtype=torch.long, device=model.device)
            sites[name] = make_site_basis(model, dictionary, index)
        return FeatureBasis(model, sites)

    @staticmethod
    def from_dictionaries(model: Model, dictionaries: Mapping[str, Dictionary]) -> FeatureBasis:
        """Make a basis of every site that has a dictionary, with all its features listed."""
        indices = {n: torch.arange(d.features, device=model.device) for n, d in dictionaries.items()}
        return FeatureBasis(
            model, {n: make_site_basis(model, d, indices[n]) for n, d in dictionaries.items()}
        )

    def graph(self) -> Graph:
        """Return the model's graph with these sites shown in features."""
        listed = {name: site.listed_indices for name, site in self.sites.items()}
        names = {name: site.dictionary.name for name, site in self.sites.items()}
        return graph_with_features(self.model.shape, listed, names)

    def hooks(self, callback: SiteBasisCallback, are_scales_constant: bool = False) -> dict[str, Hook]:
        """Return hooks that call ``callback`` with each site's input and output in the pass itself.

        With ``are_scales_constant`` gradients take scales of normalisations before dictionaries as constants.
        """

        def site_callback(dictionary: Dictionary, read: Tensor, written: Tensor) -> Tensor | None:
            return callback(self.sites[dictionary.site.name], read, written)

        dictionaries = [site.dictionary for site in self.sites.values()]
        return site_hooks(self.model, dictionaries, site_callback, are_scales_constant)


def make_site_basis(model: Model, dictionary: Dictionary, listed: Tensor) -> SiteBasis:
    """Make a site's basis.

    Raises:
        InputError: What the site's heads write is normalised together, so that it is no sum over them; or
            the dictionary is part of a cross-layer transcoder.
    """
    site = dictionary.site
    if dictionary.later_decoder is not None:
        raise InputError(
            f"'{dictionary.name}' writes to later layers, too, so {site.name} cannot be opened over a task, "
            "where an edge is between two sites; a circuit of one prompt can have its features."
        )
    if site.part == "a" and model.layers[site.layer].post_norm is not None:
        raise InputError(
            f"'{model.name}' normalises what the heads of a layer write together, so {site.name} cannot be "
            "opened over a task; a circuit of one prompt can have its features."
        )
    return SiteBasis(model, dictionary.to(model.empty_stream), listed)


def load_dictionaries_by_site(
    model: Model, folders: str = "", sites: Collection[str] = (), offload: str | None = None
) -> dict[str, Dictionary]:
    """Load dictionaries from folders of them, or those that ship with the demo model, by site.

    Args:
        model: The model.
        folders: Folders, as ``parse_folders`` reads them; empty for the demo model's own.
        sites: Only these.
        offload: Where encoders and decoders are, one of ``OFFLOAD_CHOICES``; the process' default if None.

    Raises:
        InputError: A site has no dictionary.
    """
    paths = paths_or_shipped(parse_folders(folders), model)
    by_site = {dictionary.site.name: dictionary for dictionary in load_dictionaries(paths, model, offload)}
    for site in sites:
        if site not in by_site:
            message = f"There is no dictionary of '{site}'; there is one of {', '.join(by_site)}."
            raise InputError(message + suggest_name(site, by_site))
    return {site: by_site[site] for site in sites} if sites else by_site


def parse_sites(text: str) -> tuple[str, ...]:
    """Return sites as people write them, ``a2, m3``, in order of layers.

    Raises:
        InputError: A name is no site.
    """
    names = [name.strip() for name in text.replace(";", ",").split(",") if name.strip()]
    for name in names:
        if name[:1] not in PARTS or not name[1:].isdigit():
            raise InputError(
                f"'{name}' is no site; a2 (the heads of layer 2), m3 (the MLP of layer 3) or r4 (the "
                "residual stream before layer 4) would be right."
            )
    return tuple(sorted(set(names), key=site_sort_key))


def strongest_features(importance: Mapping[str, Tensor], max_features: int) -> dict[str, Sequence[int]]:
    """Return for each site at most so many features of greatest importance, in order of their index.

    Features of no importance are never listed.

    Args:
        importance: By site, [features].
        max_features: At most so many for each site.
    """
    features: dict[str, Sequence[int]] = {}
    for site, values in importance.items():
        best = values.topk(min(max_features, len(values)))
        features[site] = sorted(best.indices[best.values > 0].tolist())
    return features
