"""Sites of a model opened into features for whole batches of prompts: what is read, written and left over.

A site's output is the sum of the listed features, each its activation times its direction, and of the rest,
which is the reconstruction's error with every feature that is not listed. The sum is exact, so a pass in
which nothing is changed is the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_loading import load_dictionaries, paths_or_shipped
from circuitviz.features.hook_points import site_hooks
from circuitviz.graph import Graph
from circuitviz.graph.feature_sites import feature_sites, graph_with_features
from circuitviz.graph.names import parse_folders, site_sort_key
from circuitviz.models import Model
from circuitviz.models.model import Hook


@dataclass(frozen=True, eq=False)
class SiteBasis:
    """A site with its dictionary and the features that are listed, [listed]."""

    model: Model
    dictionary: Dictionary
    listed: Tensor

    @property
    def name(self) -> str:
        """``a2`` or ``m3``."""
        return self.dictionary.site.name

    @property
    def is_of_head_values(self) -> bool:
        """Whether the dictionary reads and writes the values of all heads side by side."""
        return self.dictionary.site.reads == "z"

    def listed_activations(self, read: Tensor) -> Tensor:
        """Activations of the listed features, [..., d_in] → [..., listed]."""
        return self.dictionary.encode(read)[..., self.listed]

    def listed_decoder_rows(self) -> Tensor:
        """What each listed feature writes at activation 1, as the site writes it, [listed, d_out]."""
        return self.dictionary.decoder_rows(self.listed)

    def listed_directions(self) -> Tensor:
        """The same in the residual stream, [listed, d]."""
        rows = self.listed_decoder_rows()
        return rows @ self._w_o if self.is_of_head_values else rows

    def to_residual_stream(self, written: Tensor) -> Tensor:
        """What the site writes, pushed into the residual stream: [..., d_out] → [..., d]."""
        return written @ self._w_o if self.is_of_head_values else written

    @property
    def _w_o(self) -> Tensor:
        return self.model.layers[self.dictionary.site.layer].o.flatten(0, 1)


SiteBasisCallback = Callable[[SiteBasis, Tensor, Tensor], Tensor | None]
"""(site, what it reads [batch, time, d_in], what it writes [batch, time, d_out]) → what it writes instead."""


@dataclass(frozen=True, eq=False)
class FeatureBasis:
    """The sites of a model that are opened, by name."""

    model: Model
    sites: Mapping[str, SiteBasis]

    @staticmethod
    def from_graph(model: Model, graph: Graph, dictionaries: Mapping[str, Dictionary]) -> FeatureBasis:
        """The sites that a graph opens; InputError where a dictionary of one is missing or too small."""
        made = {}
        for name, listed in feature_sites(graph).items():
            one = dictionaries.get(name)
            if one is None:
                raise InputError(
                    f"The circuit has {name} opened into features, and no dictionary of {name} is given; "
                    "open the dictionaries that it was found with."
                )
            if listed and max(listed) >= one.features:
                raise InputError(
                    f"The circuit names {name}.f{max(listed)}, and '{one.name}' has {one.features:,} "
                    "features; open the dictionary that it was found with."
                )
            index = torch.tensor(listed, dtype=torch.long, device=model.device)
            made[name] = make_site_basis(model, one, index)
        return FeatureBasis(model, made)

    @staticmethod
    def from_dictionaries(model: Model, dictionaries: Mapping[str, Dictionary]) -> FeatureBasis:
        """Every site that has a dictionary, all its features listed."""
        everything = {n: torch.arange(d.features, device=model.device) for n, d in dictionaries.items()}
        return FeatureBasis(
            model, {n: make_site_basis(model, d, everything[n]) for n, d in dictionaries.items()}
        )

    def graph(self) -> Graph:
        """The model's graph with these sites opened."""
        listed = {name: site.listed.tolist() for name, site in self.sites.items()}
        names = {name: site.dictionary.name for name, site in self.sites.items()}
        return graph_with_features(self.model.shape, listed, names)

    def hooks(self, callback: SiteBasisCallback) -> dict[str, Hook]:
        """Hooks that show ``callback`` what each site reads and writes in the very pass."""

        def changed(one: Dictionary, read: Tensor, written: Tensor) -> Tensor | None:
            return callback(self.sites[one.site.name], read, written)

        return site_hooks(self.model, [site.dictionary for site in self.sites.values()], changed)


def make_site_basis(model: Model, dictionary: Dictionary, listed: Tensor) -> SiteBasis:
    """A site opened; InputError where what its heads write is no sum over them."""
    site = dictionary.site
    if site.part == "a" and model.layers[site.layer].post_norm is not None:
        raise InputError(
            f"'{model.name}' normalises what the heads of a layer write together, so {site.name} cannot be "
            "opened over a task; a circuit of one prompt can have its features."
        )
    return SiteBasis(model, dictionary.to(model.unembedding), listed)


def load_dictionaries_by_site(
    model: Model, folders: str = "", sites: Collection[str] = ()
) -> dict[str, Dictionary]:
    """Dictionaries by site, from folders of them (``parse_folders``), or those that ship with the demo model.

    sites: only these; InputError where one has none.
    """
    places = paths_or_shipped(parse_folders(folders), model)
    found = {one.site.name: one for one in load_dictionaries(places, model)}
    for site in sites:
        if site not in found:
            there = f"There is no dictionary of '{site}'; there is one of {', '.join(found)}."
            raise InputError(there + suggest_name(site, found))
    return {site: found[site] for site in sites} if sites else found


def parse_sites(text: str) -> tuple[str, ...]:
    """Sites as people type them, ``a2, m3``, by layer; InputError on what is no site."""
    names = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    for name in names:
        if name[:1] not in ("a", "m") or not name[1:].isdigit():
            raise InputError(
                f"'{name}' is no site; a2 (the heads of layer 2) or m3 (the MLP of layer 3) would be right."
            )
    return tuple(sorted(set(names), key=site_sort_key))


def strongest_features(importance: Mapping[str, Tensor], max_features: int) -> dict[str, Sequence[int]]:
    """Of each site at most so many features with the greatest importance [features], in order of number.

    Features that count for nothing are never listed.
    """
    chosen: dict[str, Sequence[int]] = {}
    for site, values in importance.items():
        best = values.topk(min(max_features, len(values)))
        chosen[site] = sorted(best.indices[best.values > 0].tolist())
    return chosen
