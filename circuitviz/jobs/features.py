"""Dictionaries on the worker: opened, indexed over a text once, and read feature by feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.jobs.look import Look
from circuitviz.progress import Progress, Steps

if TYPE_CHECKING:
    from circuitviz.features import Dictionary
    from circuitviz.features.dashboards import (
        Example,
        FeatureRow,
        Index,
        Neighbour,
        Statistics,
        TokenEffect,
    )
    from circuitviz.features.passages import Passages
    from circuitviz.jobs.engine import Engine
    from circuitviz.models import Model

DEMO_PASSAGES = 5_000  # of the demo's own text, about 100,000 tokens


@dataclass(frozen=True)
class Shelf:
    """What is open: dictionaries by site, what each fires on in ``text`` (empty without a text).

    unexplained: by site, the share of the variance that the dictionary leaves on sample text, None where
    that could not be measured; misfits: a sentence for each dictionary that does not fit as its file says.
    """

    model: str
    sites: Mapping[str, int]
    rows: Mapping[str, tuple[FeatureRow, ...]]
    text: str
    tokens: int
    unexplained: Mapping[str, float | None] = field(default_factory=dict)
    misfits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dashboard:
    """All that is shown of a feature. statistics and its examples' tokens as text: None without a text.

    prompts: each example's text up to the token where the feature fires, and that text's tokens, empty
    where the text gives them. reads: by head (empty: directly, or all heads of its layer) the tokens that
    it reads most.
    """

    site: str
    number: int
    statistics: Statistics | None
    words: tuple[tuple[str, ...], ...]
    prompts: tuple[tuple[str, tuple[int, ...]], ...]
    promotes: tuple[TokenEffect, ...]
    suppresses: tuple[TokenEffect, ...]
    reads: tuple[TokenEffect, ...]
    near_decoder: tuple[Neighbour, ...]
    near_encoder: tuple[Neighbour, ...]


@dataclass(eq=False)
class _Open:
    """Kept on the worker between requests."""

    model: Model
    dictionaries: dict[str, Dictionary]
    folders: tuple[str, ...] = ()  # none: those that ship with the demo
    text: Path | None = None  # None: the demo's own, for the demo
    index: Index | None = None


@dataclass(frozen=True)
class OpenFeatures(Look):
    """Open folders of dictionaries (none: those that ship with the demo) and index a text.

    text: a file; None: the demo model's own text for the demo, no index for any other model.
    ``indexes``: the folder that indexes are kept in; one that fits is used again.
    """

    title = "Indexing features"
    rank = 45
    of_task = False

    folders: tuple[str, ...]
    text: Path | None
    indexes: Path

    def see(self, engine: Engine) -> Steps[Shelf]:
        """The dictionaries at once, what they fire on when the index is there."""
        yield Progress(0, 1, "Opening dictionaries")
        opened = yield from _opened(engine, self.folders, self.text)
        model, found = opened.model, opened.dictionaries
        sites = {name: one.features for name, one in found.items()}
        unexplained = {name: one.unexplained for name, one in found.items()}
        misfits = {name: one.misfit for name, one in found.items() if one.misfit}
        shelf = Shelf(model.name, sites, {}, "", 0, unexplained, misfits)
        if self.text is None and model.name != "demo":
            return shelf
        yield Progress(0, 1, "Reading the text", shelf)
        opened.index = yield from self._index(model, list(found.values()))
        rows = {name: tuple(opened.index.features(name)) for name in sites}
        named = "demo text" if self.text is None else self.text.name
        return replace(shelf, rows=rows, text=named, tokens=opened.index.tokens)

    def _index(self, model: Model, dictionaries: list[Dictionary]) -> Steps[Index]:
        """The index that fits, or a new one."""
        from circuitviz.features.dashboards import Index, index_key, index_steps

        text = passages_of(model, self.text)
        path = self.indexes / f"{index_key(model, dictionaries, text.hash)}.sqlite"
        if path.exists():
            try:
                return Index(path)
            except InputError:
                pass  # damaged, or of another version: it is built anew
        return (yield from index_steps(model, dictionaries, text, path))


@dataclass(frozen=True)
class ReadFeature(Look):
    """A feature's dashboard."""

    title = "Reading a feature"
    rank = 19
    of_task = False

    site: str
    number: int

    def see(self, engine: Engine) -> Steps[Dashboard]:
        """One step: rows of the index, and a few products with the feature's directions."""
        from circuitviz.features.dashboards import de_embedding, nearest, token_effects

        yield from ()  # too short for a sign of progress
        opened: Any = engine.shelf
        if opened is None or opened.model is not engine.model or self.site not in opened.dictionaries:
            raise InputError(f"No dictionary of {self.site} is open for this model.")
        model, one = opened.model, opened.dictionaries[self.site]
        promotes, suppresses = token_effects(model, one, self.number, 8)
        found = None if opened.index is None else opened.index.statistics(self.site, self.number)
        examples = () if found is None else found.examples
        return Dashboard(
            site=self.site,
            number=self.number,
            statistics=found,
            words=tuple(tuple(model.tokens.strings(example.tokens)) for example in examples),
            prompts=tuple(_prompt(model, opened.index, example) for example in examples),
            promotes=tuple(promotes),
            suppresses=tuple(suppresses),
            reads=tuple(de_embedding(model, one, self.number, tokens=8)),
            near_decoder=tuple(nearest(one, self.number, "decoder", 6)),
            near_encoder=tuple(nearest(one, self.number, "encoder", 6)),
        )


def _prompt(model: Model, index: Index, example: Example) -> tuple[str, tuple[int, ...]]:
    """What an example's model read before and at its token; later tokens change nothing there."""
    tokens = index.passage(example.passage)[: example.position + 1]
    text = model.tokens.text(tokens)
    try:
        same = tuple(model.tokens.encode(text)) == tokens
    except InputError:  # a word that the tokenizer knows only as part of other text
        same = False
    return text, () if same else tokens


def need_dictionaries(engine: Engine) -> Steps[_Open]:
    """What is open for the model; the demo's own dictionaries open by themselves. InputError: none are."""
    if engine.shelf is None or engine.shelf.model is not engine.model:
        yield from _opened(engine, (), None)
    found: _Open = engine.shelf
    return found


def passages_of(model: Model, text: Path | None) -> Passages:
    """A text file's passages, or those of the demo model's own text."""
    from circuitviz.demo.dictionaries import MEASURING_SEED, texts
    from circuitviz.features.passages import passages, read_passages

    if text is not None:
        return read_passages(model, text)
    return passages(model, texts(MEASURING_SEED, DEMO_PASSAGES))


def _opened(engine: Engine, folders: tuple[str, ...], text: Path | None) -> Steps[_Open]:
    """Open folders of dictionaries in place of what is open; none: those that ship with the demo."""
    from circuitviz.features import given_or_shipped, load_dictionaries_steps

    model = engine.model
    found = yield from load_dictionaries_steps(given_or_shipped(folders, model), model)
    _close(engine)
    opened = engine.shelf = _Open(model, {one.site.name: one for one in found}, folders, text)
    return opened


def _close(engine: Engine) -> None:
    if engine.shelf is not None and engine.shelf.index is not None:
        engine.shelf.index.close()
    engine.shelf = None
