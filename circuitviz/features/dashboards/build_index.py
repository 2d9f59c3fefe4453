"""Construction of the file of dashboards in one pass over a text, for all dictionaries at once."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import ComputationError
from circuitviz.features.dashboards.activation_tally import TOKENS_AFTER, TOKENS_BEFORE, ActivationTally
from circuitviz.features.dashboards.feature_index import INDEX_FORMAT, INDEX_SCHEMA, FeatureIndex, index_key
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_inputs import batch_dictionary_inputs
from circuitviz.features.passages import Passages
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps


def build_index_steps(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages, path: Path
) -> ProgressSteps[FeatureIndex]:
    """Run the model over a text and write what every feature does there.

    The file is complete or not there: when cancelled, nothing is left behind.

    Args:
        model: The model.
        dictionaries: At most one for each site.
        passages: The text.
        path: The file.

    Returns:
        A generator whose result is the open index.

    Raises:
        ComputationError: The file cannot be written.
    """
    dictionaries = [dictionary.to(model.empty_stream) for dictionary in dictionaries]
    tallies = [ActivationTally(dictionary) for dictionary in dictionaries]
    n_tokens = 0
    for batch in passages.batches():
        with torch.no_grad():
            for tally, read in zip(
                tallies, batch_dictionary_inputs(model, dictionaries, batch.tokens), strict=True
            ):
                check_cancelled()
                tally.add_batch(batch, read)
        n_tokens += int(batch.token_mask.sum())
        yield Progress(n_tokens, passages.n_tokens, f"{n_tokens:,} of {passages.n_tokens:,} tokens")
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        _write_index(temporary, model, tallies, passages)
        os.replace(temporary, path)
    except (OSError, sqlite3.Error) as error:
        raise ComputationError(f"The index could not be written to '{path}' ({error}).") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return FeatureIndex(path)


def _write_index(path: Path, model: Model, tallies: Sequence[ActivationTally], passages: Passages) -> None:
    file = sqlite3.connect(path)
    try:
        file.executescript(INDEX_SCHEMA)
        dictionaries = [tally.dictionary for tally in tallies]
        metadata = {
            "form": INDEX_FORMAT,
            "model": model.name,
            "key": index_key(model, dictionaries, passages.hash),
            "tokens": str(passages.n_tokens),
            "sites": json.dumps({dictionary.site.name: dictionary.features for dictionary in dictionaries}),
        }
        file.executemany("INSERT INTO about VALUES (?, ?)", metadata.items())
        used_passages: set[int] = set()
        for tally in tallies:
            check_cancelled()
            _write_features(file, tally)
            used_passages |= set(tally.example_passages[tally.example_values > 0].tolist())
            _write_examples(file, tally, passages)
        rows = ((n, np.asarray(passages.rows[n], dtype="<i4").tobytes()) for n in sorted(used_passages))
        file.executemany("INSERT INTO passage VALUES (?, ?)", rows)
        file.commit()
    finally:
        file.close()


def _write_features(file: sqlite3.Connection, tally: ActivationTally) -> None:
    site = tally.dictionary.site.name
    mean = (tally.total / tally.fired.clamp_min(1)).tolist()
    bins = tally.bins.numpy().astype("<i4")
    columns = zip(
        tally.fired.tolist(), tally.max_activation.tolist(), mean, tally.histogram_max.tolist(), strict=True
    )
    rows = ((site, n, *numbers, bins[n].tobytes()) for n, numbers in enumerate(columns))
    file.executemany("INSERT INTO feature VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _write_examples(file: sqlite3.Connection, tally: ActivationTally, text: Passages) -> None:
    site, is_filled = tally.dictionary.site.name, (tally.example_values > 0).nonzero(as_tuple=True)
    windows = tally.example_windows[is_filled].numpy().astype("<f4")
    columns = (
        column.tolist()
        for column in (
            *is_filled,
            tally.example_passages[is_filled],
            tally.example_positions[is_filled],
            tally.example_values[is_filled],
        )
    )

    def rows() -> Iterator[tuple[object, ...]]:
        for window, (rank, feature, passage, position, value) in zip(
            windows, zip(*columns, strict=True), strict=True
        ):
            check_cancelled()
            first = max(0, position - TOKENS_BEFORE)
            end = min(len(text.rows[passage]), position + TOKENS_AFTER + 1)
            start = first - (position - TOKENS_BEFORE)
            activations = window[start : start + end - first].tobytes()
            yield site, feature, rank, passage, position, value, first, activations

    file.executemany("INSERT INTO example VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows())
