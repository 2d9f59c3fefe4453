"""Reading of explanations from various forms of JSON and CSV, whose fields are recognised by their names.

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
_SITE_FIELDS = ("layer", "component", "hook_name", "hookname", "feature_type", "source")
_INDEX_FIELDS = ("index", "feature", "feature_idx", "feature_index")
_ATTENTION = re.compile(r"att|hook_z|(^|[-_.])z([-_.]|$)")
_MLP = re.compile(r"mlp|transcoder|tres|clt|(^|[-_.])(tc|plt|m)([-_.]|$)")
_RESIDUAL = re.compile(r"(^|[-_./])(hook_)?res(id)?([-_./\d]|$)|residual")
_STREAM_BEFORE_LAYER = re.compile(r"resid_pre|res[-_](jb|fs|s[lc]e)")  # Neuronpedia's sets of GPT-2 small
_UNSUPPORTED_PARTS = {  # features that no site of ours has, by what components, sources and hooks are called
    "the residual stream inside layers": re.compile(r"res(id)?[-_]mid"),
    "the embedding": re.compile(r"(^|[-_./])(un|de)?embed"),
    "a low-rank attention (lorsa)": re.compile(r"lorsa"),
    "logits": re.compile(r"^logit"),
}
_FEATURE_IDENTITY = re.compile(r"(embed|resid|attn|mlp)(_\d+)?/\d+")  # a feature's name in feature-circuits
_OLD_PAIRING_FACTOR = 100_000  # circuit-tracer's files once numbered features layer · 100,000 + index


@dataclass(frozen=True)
class Explanation:
    """A description of what a feature means.

    Attributes:
        site: ``a5``, ``m5`` or ``r5``.
        feature: The feature's index.
        text: The explanation.
        source: Its author: a model, a person or a file.
        link: An address about the feature, or empty.
    """

    site: str
    feature: int
    text: str
    source: str
    link: str = ""


@dataclass(frozen=True)
class ExplanationFile:
    """The explanations in a file.

    Attributes:
        explanations: Each once, in the file's order.
        skipped: How many were about features that have no site here, by what they are features of.
    """

    explanations: tuple[Explanation, ...]
    skipped: Mapping[str, int]

    @property
    def skipped_text(self) -> str:
        """How many were skipped and why, as half a sentence; empty where none was."""
        reasons = [f"{number:,} of {part}" for part, number in self.skipped.items()]
        return f"{sum(self.skipped.values()):,} skipped ({', '.join(reasons)})" if reasons else ""


def read_explanations(path: Path, default_part: str | None = None) -> ExplanationFile:
    """Read explanations of features of attention, MLPs and the residual stream; others are counted.

    Args:
        path: The file.
        default_part: ``a``, ``m`` or ``r``, taken where the file gives a layer but not whether its features
            are of attention, of the MLP or of the residual stream.

    Raises:
        InputError: The file cannot be read, has no explanations of features with a site here, or does not
            state their site.
    """
    explanations: dict[Explanation, None] = {}
    skipped: Counter[str] = Counter()
    rows = 0
    try:
        for record in read_records(path):
            check_cancelled()
            rows += 1
            for explanation in _explanations(record, path, default_part):
                if isinstance(explanation, Explanation):
                    explanations.setdefault(explanation)
                else:
                    skipped[explanation] += 1
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise InputError(
            f"'{path}' could not be read as explanations ({error}); JSON, JSONL (also .gz) and CSV can be."
        ) from error
    if not explanations and skipped:
        raise InputError(
            f"'{path}' explains features of {' and '.join(skipped)} alone ({sum(skipped.values()):,} rows); "
            "features of attention, of MLPs and of the stream between layers can be labelled."
        )
    if not explanations:
        raise InputError(
            f"'{path}' holds {rows:,} rows and no explanation; a row needs a layer or site, an index and a "
            "description, label or explanation."
        )
    return ExplanationFile(tuple(explanations), dict(skipped))


def read_records(path: Path) -> Iterator[Mapping[str, Any]]:
    """Iterate over the rows of a file, as mappings from names in lower case."""
    content = read_regular_file(path, MAX_UNPACKED_BYTES)
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as unzipped:
            content = unzipped.read(MAX_UNPACKED_BYTES + 1)
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
        parsed = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:
            raise
        return map(json.loads, lines)
    return parsed if isinstance(parsed, list) else [parsed]


def _explanations(
    record: Mapping[str, Any], path: Path, default_part: str | None
) -> Iterator[Explanation | str]:
    """Iterate over the explanations of one row, which may hold a list of them.

    For a feature that has no site here, the name of its component is yielded instead.
    """
    children = record.get("explanations")
    if isinstance(children, list):
        for child in children:
            if isinstance(child, dict):
                fields = {str(k).lower(): v for k, v in child.items()}
                yield from _explanations({**record, "explanations": None, **fields}, path, default_part)
        return
    texts = (str(record[name]).strip() for name in _TEXT_FIELDS if _is_text(record.get(name)))
    text = next((candidate for candidate in texts if not _FEATURE_IDENTITY.fullmatch(candidate)), "")
    if not text:
        return
    layer, number, site_part = parse_feature_place(record, path)
    if site_part in _UNSUPPORTED_PARTS:
        yield site_part
        return
    if layer is None or number is None:
        return
    site_part = site_part or default_part or ""
    if not site_part:
        raise InputError(
            f"'{path}' says 'layer {record.get('layer', layer)}' and not whether its features are of "
            "attention, of the MLP or of the residual stream; choose a site of that part first."
        )
    model, source = record.get("modelid"), record.get("layer")
    link = f"{NEURONPEDIA_URL}/{model}/{source}/{number}" if _is_text(model) and "-" in str(source) else ""
    author = record.get("explanationmodelname") or record.get("author") or path.name
    yield Explanation(f"{site_part}{layer}", number, text, str(author), link)


def parse_feature_place(record: Mapping[str, Any], path: Path) -> tuple[int | None, int | None, str]:
    """Return layer, index and part of a row's feature.

    The part is ``a``, ``m`` or ``r``, empty where it is not stated, or the name of a component that has no
    site here. It follows from component, source, hook and kind of feature, of which the most specific counts.
    Features of the stream after a layer are of the layer that follows.
    """
    number = next((n for name in _INDEX_FIELDS if (n := _parse_number(record.get(name))) is not None), None)
    node_name = str(record.get("site") or record.get("node") or "")
    if match := re.fullmatch(r"([amr])(\d+)(?:\.f(\d+))?(?:@\d+)?", node_name):
        return int(match[2]), int(match[3]) if match[3] else number, match[1]
    layer_text = str(record.get("layer", ""))
    stated = [str(record.get(name) or "").lower() for name in _SITE_FIELDS]
    stated += [
        name.lower() for name in (str(record.get("name")), node_name) if _FEATURE_IDENTITY.fullmatch(name)
    ]
    unsupported = (name for name, pattern in _UNSUPPORTED_PARTS.items() if any(map(pattern.search, stated)))
    part_name = next(unsupported, "") or next((part for text in stated if (part := _part_of(text))), "")
    is_after_layer = part_name == "r" and not any(map(_STREAM_BEFORE_LAYER.search, stated))
    if leading := re.match(r"\d+", layer_text):
        return int(leading[0]) + is_after_layer, number, part_name
    if path.name.partition(".")[0].isdecimal() and number is not None:
        return _unpaired_layer(int(path.name.partition(".")[0]), number), number, part_name or "m"
    return None, number, part_name


def _part_of(text: str) -> str:
    """Return ``a``, ``m`` or ``r`` by a source's or component's name, else an empty text."""
    if _RESIDUAL.search(text):
        return "r"
    return "a" if _ATTENTION.search(text) else "m" if _MLP.search(text) else ""


def _unpaired_layer(paired: int, number: int) -> int | None:
    """Return the layer where a number in circuit-tracer's files is this feature's.

    By Cantor's pairing function, or by the older layer · 100,000 + index.
    """
    diagonal = (math.isqrt(8 * paired + 1) - 1) // 2
    index = paired - diagonal * (diagonal + 1) // 2
    if index == number:
        return diagonal - index
    return paired // _OLD_PAIRING_FACTOR if paired % _OLD_PAIRING_FACTOR == number else None


def _parse_number(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdecimal() else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
