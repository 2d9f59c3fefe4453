"""Edge attribution where some sites are seen in features: the same scores in another basis.

As EAP and EAP-IG (METHODS: Scores), and as the feature circuits of Marks et al. (2024) sum over positions:
s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v, where u and v may be features of an
opened site. A feature's z_u − a_u is its activation beyond its ablation value, times its direction; its
∂L/∂x_v goes from its activation back to the stream, through the queries, keys and values that made it.
The site's error is held constant (METHODS: Feature level). So patterns, normalisations and MLPs are free to
respond, other than in the attribution of one prompt, whose frozen patterns are blind to QK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.averaged import Batch, Point, gradient_at
from circuitviz.discovery.gradients import Differences, Tape, add_scores
from circuitviz.discovery.registry import Setting
from circuitviz.features import Dictionary
from circuitviz.features.opening import Opening, OpenSite, strongest_features
from circuitviz.features.over_task import FeatureValues, feature_values
from circuitviz.graph import Graph, Kind, Scores
from circuitviz.graph.opened import site_of
from circuitviz.models import Activations, Model
from circuitviz.models.activations import recording
from circuitviz.models.batches import in_batches
from circuitviz.models.scratch import Scratch
from circuitviz.progress import Progress, Steps

HELD = 4.0  # sender outputs that are held at a time: two bases, differences, and the passes


@dataclass(eq=False)
class _Seen:
    """What a pass leaves of a site: what its dictionary reads, what it writes, its listed features."""

    read: Tensor
    written: Tensor
    features: Tensor


def choose_features(
    setting: Setting, dictionaries: Mapping[str, Dictionary], most: int
) -> Steps[tuple[Opening, dict[str, Any]]]:
    """The features to list at each site: those of greatest |attribution| to the metric, at most so many.

    A feature's attribution here: mean over prompts of Σ over positions (its activation − its ablation value)
    · ∂L/∂activation at the clean input, where its site's whole output is free. Returns the sites, and by site
    how many features were active, how many are listed, and their share of all |attribution|.
    """
    model, task = setting.model, setting.task
    whole = Opening.whole(model, dictionaries)
    values, instead = ablation_values(model, task, setting.ablation), _instead(setting, whole)
    total = {
        name: torch.zeros(site.dictionary.features, dtype=torch.float64, device=model.device)
        for name, site in whole.sites.items()
    }

    def work(rows: range) -> Steps[None]:
        part = task.subset(rows)
        batch = Batch(model, part, Activations(torch.empty(0), [], []), values(part))
        seen: dict[str, _Seen] = {}
        more: list[Tensor] = []

        def keep(site: OpenSite, read: Tensor, written: Tensor) -> Tensor:
            more.append(written)
            seen[site.name] = _Seen(read, written, site.active(read.detach()))
            return written  # as it is kept: then the pass goes on from it, and it has a gradient

        _, gradients = gradient_at(setting, batch, Point(), whole.hooks(keep), more)
        theirs = instead(part)
        for (name, site), gradient in zip(whole.sites.items(), gradients.more, strict=True):
            effect = gradient @ site.rows().T
            total[name] += ((seen[name].features - theirs[name]) * effect).sum((0, 1)).double()
        yield Progress(rows.stop, 2 * len(task), f"choosing features, {rows.stop} of {len(task)} prompts")

    yield from in_batches(model, len(task), task.clean.shape[1], work, HELD)
    sizes = {name: found.abs() for name, found in total.items()}
    chosen = strongest_features(sizes, most)
    sites, told = {}, {}
    for name, listed in chosen.items():
        index = torch.tensor(listed, dtype=torch.long, device=model.device)
        sites[name] = OpenSite(model, whole.sites[name].dictionary, index)
        every = float(sizes[name].sum())
        told[name] = {
            "active": int((sizes[name] > 0).sum()),
            "listed": len(listed),
            "share": float(sizes[name][index].sum()) / every if every else 1.0,
        }
    return Opening(model, sites), told


def opened_scores(
    setting: Setting, opening: Opening, points: Sequence[Point], method: str, info: Mapping[str, Any]
) -> Steps[Scores]:
    """Scores of the graph with some sites opened; gradients are means over ``points``."""
    model, task = setting.model, setting.task
    table = _Table(model, opening)
    values, instead = ablation_values(model, task, setting.ablation), _instead(setting, opening)
    total = torch.zeros(table.graph.mask.shape, dtype=torch.float64, device=model.device)
    done, scratch = 0, Scratch()

    def scores(found: Tensor, prompts: int, unfinished: bool) -> Scores:
        numbers = np.where(table.graph.mask, (found / prompts).cpu().numpy(), 0.0)
        return Scores(table.graph, numbers, method, partial=unfinished, info=dict(info))

    def work(rows: range) -> Steps[None]:
        nonlocal done
        part = task.subset(rows)
        batch = Batch(model, part, Activations(torch.empty(0), [], []), values(part))
        clean = _recorded(batch, opening)
        differences = table.differences(batch, clean, instead(part), scratch)
        found = torch.zeros_like(total)
        for number, point in enumerate(points, start=1):
            table.add(found, setting, batch, point, differences, 1 / len(points), scratch)
            so_far = total + found * len(points) / number
            share = done + len(part) * number / len(points)
            text = f"pass {number} of {len(points)}, {done + len(part)} of {len(task)} prompts"
            partial_scores = scores(so_far, done + len(part), True)
            yield Progress(len(task) + share, 2 * len(task), text, partial_scores)
        total.add_(found)
        done += len(part)

    yield from in_batches(model, len(task), task.clean.shape[1], work, HELD * table.larger)
    return scores(total, len(task), False)


def _instead(setting: Setting, opening: Opening) -> FeatureValues:
    return feature_values(setting.model, setting.task, setting.ablation, opening)


@torch.no_grad()
def _recorded(batch: Batch, opening: Opening) -> dict[str, Tensor]:
    """Run the clean prompts; the batch gets its senders' outputs, returned are features by site."""
    seen: dict[str, Tensor] = {}

    def keep(site: OpenSite, read: Tensor, _written: Tensor) -> None:
        seen[site.name] = site.active(read)

    model, part = batch.model, batch.part
    with model.hooks(recording(model, batch.clean)), model.hooks(opening.hooks(keep)):
        batch.clean.logits = model.logits(part.clean, part.lengths - 1)
    return seen


@dataclass(eq=False)
class _Table:
    """Where senders and receivers of a graph with opened sites stand among those of the model."""

    model: Model
    opening: Opening
    graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        self.graph = self.opening.graph()
        whole, index = self.model.graph, self.graph.receiver_index
        kept = [(i, index[name]) for i, name in enumerate(whole.receivers) if name in index]
        rows = [self.graph.sender_index.get(name, -1) for name in whole.senders]
        self._rows = np.array(rows)
        self._from, self._to = (torch.tensor(column) for column in zip(*kept, strict=True))
        depth = np.array([self.graph.depth(name) for name in self.graph.senders])
        layers = range(self.model.shape.n_layers)
        self.before = [(int((depth < 2 * i + 1).sum()), int((depth < 2 * i + 2).sum())) for i in layers]

    @property
    def larger(self) -> float:
        """How many times as many senders there are as in the model."""
        return len(self.graph.senders) / len(self.model.graph.senders)

    def places(self, site: str, kind: Kind) -> list[int]:
        """Rows of a site's features, or of its error."""
        return [i for i, n in enumerate(self.graph.nodes) if n.kind is kind and site_of(n) == site]

    @torch.no_grad()
    def differences(
        self, batch: Batch, features: dict[str, Tensor], instead: dict[str, Tensor], scratch: Scratch
    ) -> Differences:
        """What each sender writes beyond its ablation value; a site's features and its error add up to it."""
        base = Differences.between(self.model, batch.clean, batch.ablated, scratch)
        sizes = (len(self.graph.senders), *base.values.shape[1:])
        out = scratch.room("opened differences", base.values, *sizes)
        stays = self._rows >= 0
        out[self._rows[stays]] = base.values[stays]
        for name, site in self.opening.sites.items():
            more = (features[name] - instead[name]).expand_as(features[name])[:, base.begin :]
            rows, (error,) = self.places(name, Kind.FEATURE), self.places(name, Kind.ERROR)
            mine = [i for i, node in enumerate(self.model.graph.nodes) if site_of(node) == name]
            out[error] = base.values[mine].sum(0)
            for row, direction, amount in zip(rows, site.directions(), more.unbind(-1), strict=True):
                torch.mul(amount[..., None], direction, out=out[row])
                out[error] -= out[row]
        return Differences(base.begin, out)

    def add(
        self,
        scores: Tensor,
        setting: Setting,
        batch: Batch,
        point: Point,
        differences: Differences,
        weight: float,
        scratch: Scratch,
    ) -> None:
        """Add a point's scores, from one pass in which each site is its features and a constant error."""
        seen: dict[str, _Seen] = {}
        more: list[Tensor] = []

        def splice(site: OpenSite, read: Tensor, written: Tensor) -> Tensor:
            features = site.active(read)
            seen[site.name] = _Seen(read, written, features)
            more.append(features)
            return written.detach() + (features - features.detach()) @ site.rows()

        tape, gradients = gradient_at(setting, batch, point, self.opening.hooks(splice), more)
        whole = scores.new_zeros(len(scores), len(self.model.graph.receivers))
        add_scores(self.model, differences, tape, gradients, whole, weight, scratch, self.before)
        scores[:, self._to] += whole[:, self._from]
        flat = differences.values.flatten(1)
        for name, gradient in zip(seen, gradients.more, strict=True):
            site, layer = self.opening.sites[name], self.opening.sites[name].dictionary.site.layer
            of_mlp = name[0] == "m"
            begin = self.before[layer][of_mlp and not self.model.shape.parallel]
            pulled = _pulled_mlp if of_mlp else _pulled_attention
            first = self.graph.receiver_index
            for number, vectors in enumerate(pulled(self.model, site, seen[name], gradient, tape)):
                node = f"{name}.f{int(site.listed[number])}"
                names = [node] if of_mlp else [f"{node}<{channel}>" for channel in "qkv"]
                columns = [first[one] for one in names]
                scores[:begin, columns] += weight * (flat[:begin] @ vectors.T).double()


Pulled = Callable[[Model, OpenSite, _Seen, Tensor, Tape], Iterator[Tensor]]


def _covectors(site: OpenSite, seen: _Seen, gradient: Tensor) -> Iterator[Tensor]:
    """∂L/∂(what the dictionary reads) through each listed feature alone, [batch, time, d_in]."""
    active = gradient * (seen.features != 0)
    for number, row in enumerate(site.dictionary.encoder_rows(site.listed)):
        yield active[..., number, None] * row


def _pulled_mlp(model: Model, site: OpenSite, seen: _Seen, gradient: Tensor, tape: Tape) -> Iterator[Tensor]:
    """Each feature's gradient at the stream that its MLP reads, [1, batch · later · d]."""
    stream = tape.middles[site.dictionary.site.layer]
    for covector in _covectors(site, seen, gradient):
        (found,) = torch.autograd.grad(seen.read, stream, covector, retain_graph=True)
        yield found[:, tape.begin :].reshape(1, -1)


def _pulled_attention(
    model: Model, site: OpenSite, seen: _Seen, gradient: Tensor, tape: Tape
) -> Iterator[Tensor]:
    """Each feature's gradient at the stream through queries, keys and values, [3, batch · later · d]."""
    layer = site.dictionary.site.layer
    weights = model.layers[layer]
    made = (tape.q[layer], tape.k[layer], tape.v[layer])
    stream = tape.streams[layer].detach()[:, tape.begin :]
    for covector in _covectors(site, seen, gradient):
        found = torch.autograd.grad(seen.read, made, covector, retain_graph=True)
        out = stream.new_empty(3, 1, stream.shape[0] * stream.shape[1], stream.shape[2])
        for channel, (one, folded) in enumerate(zip(found, (weights.q, weights.k, weights.v), strict=True)):
            wide = folded.permute(1, 0, 2).flatten(1)[None]  # all heads as one: their gradients add up
            weights.norm.pull_heads(stream, one[:, :, None], wide, out[channel])
        yield out.view(3, -1)
