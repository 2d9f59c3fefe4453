"""An index is built in one pass over a text, for all dictionaries at once, into a file that is whole."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from circuitviz.errors import ComputationError
from circuitviz.features.batches import reads
from circuitviz.features.dashboards.index import FORM, SCHEMA, Index, index_key
from circuitviz.features.dashboards.tally import AFTER, BEFORE, Tally
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Passages
from circuitviz.models import Model
from circuitviz.progress import Progress, Steps
from circuitviz.stopping import pause


def index_steps(model: Model, dictionaries: Sequence[Dictionary], text: Passages, path: Path) -> Steps[Index]:
    """Run the model over a text and write what every feature does there to ``path``.

    Stopped, it leaves nothing behind. Raises ComputationError where the file cannot be written.
    """
    tallies = [Tally(one) for one in dictionaries]
    done = 0
    for batch in text.batches():
        with torch.no_grad():
            for tally, read in zip(tallies, reads(model, dictionaries, batch.tokens), strict=True):
                pause()
                tally.add(batch, read)
        done += int(batch.real.sum())
        yield Progress(done, text.n_tokens, f"{done:,} of {text.n_tokens:,} tokens")
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        _write(beside, model, tallies, text)
        os.replace(beside, path)
    except (OSError, sqlite3.Error) as error:
        raise ComputationError(f"The index could not be written to '{path}' ({error}).") from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return Index(path)


def _write(path: Path, model: Model, tallies: Sequence[Tally], text: Passages) -> None:
    file = sqlite3.connect(path)
    try:
        file.executescript(SCHEMA)
        dictionaries = [tally.dictionary for tally in tallies]
        about = {
            "form": FORM,
            "model": model.name,
            "key": index_key(model, dictionaries, text.hash),
            "tokens": str(text.n_tokens),
            "sites": json.dumps({one.site.name: one.features for one in dictionaries}),
        }
        file.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        used: set[int] = set()
        for tally in tallies:
            pause()
            _write_features(file, tally)
            used |= set(tally.passage[tally.value > 0].tolist())
            _write_examples(file, tally, text)
        rows = ((n, np.asarray(text.rows[n], dtype="<i4").tobytes()) for n in sorted(used))
        file.executemany("INSERT INTO passage VALUES (?, ?)", rows)
        file.commit()
    finally:
        file.close()


def _write_features(file: sqlite3.Connection, tally: Tally) -> None:
    site = tally.dictionary.site.name
    mean = (tally.total / tally.fired.clamp_min(1)).tolist()
    bins = tally.bins.numpy().astype("<i4")
    columns = zip(tally.fired.tolist(), tally.greatest.tolist(), mean, tally.reach.tolist(), strict=True)
    rows = ((site, n, *told, bins[n].tobytes()) for n, told in enumerate(columns))
    file.executemany("INSERT INTO feature VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _write_examples(file: sqlite3.Connection, tally: Tally, text: Passages) -> None:
    site, at = tally.dictionary.site.name, (tally.value > 0).nonzero(as_tuple=True)
    windows = tally.windows[at].numpy().astype("<f4")
    told = (part.tolist() for part in (*at, tally.passage[at], tally.position[at], tally.value[at]))

    def rows() -> Iterator[tuple[object, ...]]:
        for window, (rank, feature, passage, position, value) in zip(
            windows, zip(*told, strict=True), strict=True
        ):
            pause()
            first = max(0, position - BEFORE)
            end = min(len(text.rows[passage]), position + AFTER + 1)
            start = first - (position - BEFORE)
            around = window[start : start + end - first].tobytes()
            yield site, feature, rank, passage, position, value, first, around

    file.executemany("INSERT INTO example VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows())
