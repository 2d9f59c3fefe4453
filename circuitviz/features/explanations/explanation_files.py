"""Explanations come in many shapes of JSON and CSV; what each row says is found by its fields' names.

Read are Neuronpedia's exports (JSONL, gzipped or not; one feature's JSON; arrays of explanations),
circuit-tracer's feature JSON, feature-circuits' annotations, and tables with a header.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.regular_files import read_regular_file

NEURONPEDIA_URL = "https://www.neuronpedia.org"
MAX_UNPACKED_BYTES = 2**28  # of a file of explanations, unpacked; GPT-2's 24,576 features of a layer: 60 MB
_TEXT_FIELDS = ("description", "explanation", "label", "clerp", "annotation", "name", "text")
_SITE_FIELDS = ("layer", "component", "hook_name", "feature_type", "source")
_INDEX_FIELDS = ("index", "feature", "feature_idx", "feature_index")
_ATTENTION = re.compile(r"att|hook_z|(^|[-_.])z([-_.]|$)")
_MLP = re.compile(r"mlp|transcoder|tres|clt|(^|[-_.])(tc|plt|m)([-_.]|$)")
_UNSUPPORTED_PARTS = {  # features that no site of ours has, by what components, sources and hooks are called
    "the residual stream": re.compile(r"(^|[-_./])(hook_)?res(id)?([-_./\d]|$)|residual"),
    "the embedding": re.compile(r"(^|[-_./])(un|de)?embed"),
    "a low-rank attention (lorsa)": re.compile(r"lorsa"),
    "logits": re.compile(r"^logit"),
}
_FEATURE_IDENTITY = re.compile(
    r"(embed|resid|attn|mlp)(_\d+)?/\d+"
)  # a name of feature-circuits, which says nothing
_OLD_PAIRING_FACTOR = 100_000  # circuit-tracer's files once numbered features layer · 100,000 + index


@dataclass(frozen=True)
class Explanation:
    """What somebody says a feature means. site: ``a5`` or ``m5``; link: an address about it, or empty."""

    site: str
    feature: int
    text: str
    source: str
    link: str = ""


@dataclass(frozen=True)
class ExplanationFile:
    """What a file says: explanations, each once, in its order; ``skipped`` counts those of features that have
    no site here, by what they are features of.
    """

    explanations: tuple[Explanation, ...]
    skipped: Mapping[str, int]

    @property
    def skipped_text(self) -> str:
        """How many were skipped and why, as half a sentence; empty where none was."""
        said = [f"{number:,} of {what}" for what, number in self.skipped.items()]
        return f"{sum(self.skipped.values()):,} skipped ({', '.join(said)})" if said else ""


def read_explanations(path: Path, part: str | None = None) -> ExplanationFile:
    """Explanations of features of attention and of MLPs; those of other features are counted.

    ``part`` (``a`` or ``m``) is taken where a file gives a layer but nothing of whether its features are of
    attention or of the MLP. Raises InputError where a file cannot be read, says nothing about features that
    have a site here, or leaves open which site it means.
    """
    found: dict[Explanation, None] = {}
    skipped: Counter[str] = Counter()
    rows = 0
    try:
        for record in read_records(path):
            check_cancelled()
            rows += 1
            for one in _explanations(record, path, part):
                if isinstance(one, Explanation):
                    found.setdefault(one)
                else:
                    skipped[one] += 1
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise InputError(
            f"'{path}' could not be read as explanations ({error}); JSON, JSONL (also .gz) and CSV can be."
        ) from error
    if not found and skipped:
        raise InputError(
            f"'{path}' explains features of {' and '.join(skipped)} alone ({sum(skipped.values()):,} rows); "
            "features of attention and of MLPs can be labelled."
        )
    if not found:
        raise InputError(
            f"'{path}' holds {rows:,} rows and no explanation; a row needs a layer or site, an index and a "
            "description, label or explanation."
        )
    return ExplanationFile(tuple(found), dict(skipped))


def read_records(path: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of a file, as mappings from names in small letters."""
    content = read_regular_file(path, MAX_UNPACKED_BYTES)
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as packed:
            content = packed.read(MAX_UNPACKED_BYTES + 1)
    if len(content) > MAX_UNPACKED_BYTES:
        raise InputError(f"'{path}' holds more than {MAX_UNPACKED_BYTES / 2**20:,.0f} MB, which is not read.")
    text = content.decode("utf-8-sig")
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind in ("csv", "tsv"):
        rows: Iterable[Any] = csv.DictReader(io.StringIO(text), delimiter="\t" if kind == "tsv" else ",")
    else:
        rows = _parse_json_rows(text)
    for row in rows:
        if isinstance(row, dict):
            yield {str(name).strip().lower(): value for name, value in row.items()}


def _parse_json_rows(text: str) -> Iterable[Any]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:
            raise
        return map(json.loads, lines)
    return whole if isinstance(whole, list) else [whole]


def _explanations(record: Mapping[str, Any], path: Path, part: str | None) -> Iterator[Explanation | str]:
    """What one row says: of a feature with a list of explanations, each of them. Of a feature that has no
    site here, what it is a feature of.
    """
    inside = record.get("explanations")
    if isinstance(inside, list):
        for child in inside:
            if isinstance(child, dict):
                own = {str(k).lower(): v for k, v in child.items()}
                yield from _explanations({**record, "explanations": None, **own}, path, part)
        return
    texts = (str(record[name]).strip() for name in _TEXT_FIELDS if _is_text(record.get(name)))
    text = next((one for one in texts if not _FEATURE_IDENTITY.fullmatch(one)), "")
    if not text:
        return
    layer, number, sort = parse_feature_place(record, path)
    if sort in _UNSUPPORTED_PARTS:
        yield sort
        return
    if layer is None or number is None:
        return
    sort = sort or part or ""
    if not sort:
        raise InputError(
            f"'{path}' says 'layer {record.get('layer', layer)}' and not whether its features are of "
            "attention or of the MLP; choose a site of that part first."
        )
    model, source = record.get("modelid"), record.get("layer")
    link = f"{NEURONPEDIA_URL}/{model}/{source}/{number}" if _is_text(model) and "-" in str(source) else ""
    by = record.get("explanationmodelname") or record.get("author") or path.name
    yield Explanation(f"{sort}{layer}", number, text, str(by), link)


def parse_feature_place(record: Mapping[str, Any], path: Path) -> tuple[int | None, int | None, str]:
    """Layer, index and part of a row's feature.

    The part is ``a`` or ``m``; empty where nothing is said of it; or what the feature is of that has no site
    here. Component, source, hook and kind of feature are read together: the most telling counts.
    """
    number = next((n for name in _INDEX_FIELDS if (n := _parse_number(record.get(name))) is not None), None)
    named = str(record.get("site") or record.get("node") or "")
    if found := re.fullmatch(r"([am])(\d+)(?:\.f(\d+))?(?:@\d+)?", named):
        return int(found[2]), int(found[3]) if found[3] else number, found[1]
    said = str(record.get("layer", ""))
    stated = [str(record.get(name) or "").lower() for name in _SITE_FIELDS]
    stated += [name.lower() for name in (str(record.get("name")), named) if _FEATURE_IDENTITY.fullmatch(name)]
    elsewhere = (what for what, sign in _UNSUPPORTED_PARTS.items() if any(map(sign.search, stated)))
    sort = next(elsewhere, "") or next((part for one in stated if (part := _part_of(one))), "")
    if leading := re.match(r"\d+", said):
        return int(leading[0]), number, sort
    if path.name.partition(".")[0].isdecimal() and number is not None:
        return _unpaired_layer(int(path.name.partition(".")[0]), number), number, sort or "m"
    return None, number, sort


def _part_of(said: str) -> str:
    """``a`` or ``m`` by a source's or component's name, else empty."""
    return "a" if _ATTENTION.search(said) else "m" if _MLP.search(said) else ""


def _unpaired_layer(paired: int, number: int) -> int | None:
    """The layer where a number in circuit-tracer's files is of this feature: Cantor's pairing, or the
    old one.
    """
    along = (math.isqrt(8 * paired + 1) - 1) // 2
    index = paired - along * (along + 1) // 2
    if index == number:
        return along - index
    return paired // _OLD_PAIRING_FACTOR if paired % _OLD_PAIRING_FACTOR == number else None


def _parse_number(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdecimal() else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
