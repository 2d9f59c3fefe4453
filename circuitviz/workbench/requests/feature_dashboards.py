"""Dictionaries on the worker: opened, indexed over a text once, and read feature by feature."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz import features, models, training
from circuitviz.errors import InputError
from circuitviz.features import dashboards, explanations
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

N_DEMO_PASSAGES = 5_000  # of the demo's own text, about 100,000 tokens


@dataclass(frozen=True)
class DictionaryOverview:
    """What is open: dictionaries by site, what each fires on in ``text_name`` (empty without a text).

    unexplained_variance: by site, the share of the variance that the dictionary leaves on sample text, None
    where that could not be measured; misfits: a sentence for each dictionary that does not fit as its file
    says.
    """

    model: str
    sites: Mapping[str, int]
    features_by_site: Mapping[str, tuple[dashboards.FeatureRow, ...]]
    text_name: str
    n_tokens: int
    unexplained_variance: Mapping[str, float | None] = field(default_factory=dict)
    misfit_warnings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureDashboard:
    """All that is shown of a feature. statistics and its examples' tokens as text: None without a text.

    example_prompts: each example's text up to the token where the feature fires, and that text's tokens,
    empty where the text gives them. reads: by head (empty: directly, or all heads of its layer) the tokens
    that it reads most. suggestions: labels by rule, which nothing has tested.
    """

    site: str
    feature: int
    statistics: dashboards.FeatureStatistics | None
    example_tokens: tuple[tuple[str, ...], ...]
    example_prompts: tuple[tuple[str, tuple[int, ...]], ...]
    promoted_tokens: tuple[dashboards.TokenEffect, ...]
    suppressed_tokens: tuple[dashboards.TokenEffect, ...]
    read_tokens: tuple[dashboards.TokenEffect, ...]
    decoder_neighbours: tuple[dashboards.NeighbourFeature, ...]
    encoder_neighbours: tuple[dashboards.NeighbourFeature, ...]
    suggestions: tuple[explanations.LabelSuggestion, ...] = ()


@dataclass(eq=False)
class _DictionaryStore:
    """Kept on the worker between requests."""

    model: models.Model
    dictionaries: dict[str, features.Dictionary]
    folders: tuple[str, ...] = ()  # none: those that ship with the demo
    text: Path | None = None  # None: the demo's own, for the demo
    index: dashboards.FeatureIndex | None = None

    def close(self) -> None:
        """Close the index's file."""
        if self.index is not None:
            self.index.close()


@dataclass(frozen=True)
class OpenDictionaries(Query):
    """Open folders of dictionaries (none: those that ship with the demo) and index a text.

    text_path: a file; None: the demo model's own text for the demo, no index for any other model.
    ``index_folder``: the folder that indexes are kept in; one that fits is used again.
    """

    title = "Could not open the dictionaries"
    activity = "Indexing features"
    priority = Priority.COMPARE_METHODS
    needs_task = False

    folders: tuple[str, ...]
    text_path: Path | None
    index_folder: Path

    def compute_steps(self, engine: Engine) -> ProgressSteps[DictionaryOverview]:
        """The dictionaries at once, what they fire on when the index is there."""
        yield Progress(0, 1, "Opening dictionaries")
        opened = yield from _open_store(engine, self.folders, self.text_path)
        model, found = opened.model, opened.dictionaries
        sites = {name: one.features for name, one in found.items()}
        unexplained = {name: one.unexplained for name, one in found.items()}
        misfits = {name: one.misfit for name, one in found.items() if one.misfit}
        shelf = DictionaryOverview(model.name, sites, {}, "", 0, unexplained, misfits)
        if self.text_path is None and model.name != "demo":
            return shelf
        yield Progress(0, 1, "Reading the text", shelf)
        opened.index = yield from self._open_or_build_index(model, list(found.values()))
        rows = {name: tuple(opened.index.features(name)) for name in sites}
        named = "demo text" if self.text_path is None else self.text_path.name
        return replace(shelf, features_by_site=rows, text_name=named, n_tokens=opened.index.tokens)

    def _open_or_build_index(
        self, model: models.Model, dictionaries: list[features.Dictionary]
    ) -> ProgressSteps[dashboards.FeatureIndex]:
        """The index that fits, kept or shipped, or a new one."""
        text = load_passages(model, self.text_path)
        path = self.index_folder / f"{dashboards.index_key(model, dictionaries, text.hash)}.sqlite"
        with suppress(OSError):  # a folder that cannot be written to is told of when the index is built
            if not path.exists():
                dashboards.unpack_shipped_index(path)
        if path.exists():
            try:
                return dashboards.FeatureIndex(path)
            except InputError:
                pass  # damaged, or of another version: it is built anew
        return (yield from dashboards.build_index_steps(model, dictionaries, text, path))


@dataclass(frozen=True)
class ReadFeatureDashboard(Query):
    """A feature's dashboard."""

    title = "Could not read the feature"
    activity = "Reading a feature"
    priority = Priority.READ_DASHBOARD
    needs_task = False

    site: str
    feature: int

    def compute_steps(self, engine: Engine) -> ProgressSteps[FeatureDashboard]:
        """One step: rows of the index, and a few products with the feature's directions."""
        yield from ()  # too short for a sign of progress
        opened: Any = engine.dictionary_store
        if opened is None or opened.model is not engine.model or self.site not in opened.dictionaries:
            raise InputError(f"No dictionary of {self.site} is open for this model.")
        model, one = opened.model, opened.dictionaries[self.site]
        promotes, suppresses = dashboards.token_effects(model, one, self.feature, 8)
        found = None if opened.index is None else opened.index.statistics(self.site, self.feature)
        examples = () if found is None else found.examples
        example_tokens = tuple(tuple(model.tokens.token_strings(example.tokens)) for example in examples)
        active_examples = [
            explanations.ActiveExample(strings, example.position - example.first, example.position)
            for strings, example in zip(example_tokens, examples, strict=True)
        ]
        return FeatureDashboard(
            site=self.site,
            feature=self.feature,
            statistics=found,
            example_tokens=example_tokens,
            example_prompts=tuple(_example_prompt(model, opened.index, example) for example in examples),
            promoted_tokens=tuple(promotes),
            suppressed_tokens=tuple(suppresses),
            read_tokens=tuple(dashboards.de_embedding_effects(model, one, self.feature, n_tokens=8)),
            decoder_neighbours=tuple(dashboards.nearest_features(one, self.feature, "decoder", 6)),
            encoder_neighbours=tuple(dashboards.nearest_features(one, self.feature, "encoder", 6)),
            suggestions=tuple(
                explanations.suggest_labels(active_examples, [effect.token for effect in promotes])
            ),
        )


def _example_prompt(
    model: models.Model, index: dashboards.FeatureIndex, example: dashboards.DashboardExample
) -> tuple[str, tuple[int, ...]]:
    """What an example's model read before and at its token; later tokens change nothing there."""
    tokens = index.passage(example.passage)[: example.position + 1]
    text = model.tokens.decode(tokens)
    try:
        same = tuple(model.tokens.encode(text)) == tokens
    except InputError:  # a word that the tokenizer knows only as part of other text
        same = False
    return text, () if same else tokens


def require_dictionaries(engine: Engine) -> ProgressSteps[_DictionaryStore]:
    """What is open for the model; the demo's own dictionaries open by themselves. InputError: none are."""
    if engine.dictionary_store is None or engine.dictionary_store.model is not engine.model:
        yield from _open_store(engine, (), None)
    found: _DictionaryStore = engine.dictionary_store
    return found


def load_passages(model: models.Model, text_path: Path | None) -> features.Passages:
    """A text file's passages, or those of the demo model's own text."""
    if text_path is not None:
        return features.read_passage_file(model, text_path)
    return features.passages_from_texts(model, training.demo_texts(training.MEASURING_SEED, N_DEMO_PASSAGES))


def _open_store(
    engine: Engine, folders: tuple[str, ...], text_path: Path | None
) -> ProgressSteps[_DictionaryStore]:
    """Open folders of dictionaries in place of what is open; none: those that ship with the demo."""
    model = engine.model
    found = yield from features.load_dictionaries_steps(features.paths_or_shipped(folders, model), model)
    _close_store(engine)
    opened = engine.dictionary_store = _DictionaryStore(
        model, {one.site.name: one for one in found}, folders, text_path
    )
    return opened


def _close_store(engine: Engine) -> None:
    if engine.dictionary_store is not None:
        engine.dictionary_store.close()
    engine.dictionary_store = None
