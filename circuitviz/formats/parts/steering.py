"""What the model wrote while it was steered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from circuitviz.document import Document
from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import (
    any_count,
    any_text,
    any_value,
    boolean,
    finite_number,
    integer_between,
    list_of,
    mapping_of,
    optional_number,
    optional_value,
    record_of,
    with_rule,
)
from circuitviz.graph import Intervention, SteeringQuery, SteeringResult
from circuitviz.graph.limits import MAX_POSITIONS, MAX_SEED
from circuitviz.graph.steering import Continuation, GeneratedToken

change_schema = with_rule(list_of(any_value), lambda c: len(c) == 3, "[action, amount, [positions]]")
query_schema = record_of(
    {
        **dict.fromkeys(("model", "prompt", "steered_tokens"), any_text),
        "changes": mapping_of(change_schema),
        "strengths": list_of(finite_number),
        "directions": mapping_of(with_rule(list_of(any_text), lambda t: len(t) == 2, "two texts")),
        "max_tokens": any_count,
        "temperature": finite_number,
        "seed": integer_between(0, MAX_SEED),
        "dictionaries": list_of(any_text),
    },
    {"bos": optional_value(boolean), "dtype": any_text},
)
token_schema = with_rule(
    list_of(any_value), lambda t: len(t) == 4, "[id, text, probability, plain probability]"
)
text_schema = record_of(
    {
        "strength": optional_number,
        "plain": boolean,
        "text": any_text,
        "ended": boolean,
        "tokens": list_of(token_schema),
    }
)
record_schema = record_of(
    {
        "query": query_schema,
        "weight_hash": any_text,
        "prompt_tokens": list_of(any_text),
        "done": boolean,
        "texts": list_of(text_schema),
    }
)


class SteeringPart(DocumentPart):
    """``steering``: queries with the texts that they gave, oldest first.

    Records that cannot be read are skipped with a notice; their data and unknown fields are written back.
    """

    keys = ("steering",)

    def write(self, document: Document) -> dict[str, Any]:
        """All of them, then those that could not be read."""
        return {"steering": steering_to_json(document.state.steering, document)}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Those that can be read; none in older files."""
        return {"steering": _read_records(contents)[0]}

    def attach(self, contents: FileContents, document: Document) -> None:
        """The others, and a notice that says why."""
        _, unread, reasons = _read_records(contents)
        document.unread_steering = tuple(unread)
        if unread:
            texts = "Texts" if len(unread) == 1 else f"{len(unread)} records of texts"
            document.notices += (
                f"{texts} of steering in this file could not be read and are left as they are "
                f"({reasons[0].rstrip('.')}).",
            )


def steering_to_json(results: Iterable[SteeringResult], document: Document) -> list[Any]:
    """Return a document's records as files hold them: ``results``, then those that could not be read."""
    records = [_with_unknown_fields(one.to_json(), one.file_record) for one in results]
    return [*records, *document.unread_steering]


def _with_unknown_fields(own: Any, in_file: Any) -> Any:
    """Return JSON data with the fields of the file's that it lacks, also inside."""
    if isinstance(own, dict) and isinstance(in_file, Mapping):
        known = {name: _with_unknown_fields(value, in_file.get(name)) for name, value in own.items()}
        return {**{name: value for name, value in in_file.items() if name not in own}, **known}
    if isinstance(own, list) and isinstance(in_file, list) and len(own) == len(in_file):
        return [_with_unknown_fields(*pair) for pair in zip(own, in_file, strict=True)]
    return own


def _read_records(contents: FileContents) -> tuple[tuple[SteeringResult, ...], list[Any], list[str]]:
    """Return what can be read, the data of what cannot, and why not."""
    data = contents.get("steering", [])
    list_of(any_value)(data, "steering")
    results, unread, reasons = [], [], []
    for number, record in enumerate(data):
        try:
            record_schema(record, f"steering[{number}]")
            results.append(_parse_result(record))
        except (InputError, KeyError, TypeError, ValueError, OverflowError) as error:
            unread.append(record)
            reasons.append(str(error) or type(error).__name__)
    return tuple(results), unread, reasons


def _parse_result(data: dict[str, Any]) -> SteeringResult:
    try:
        query = _parse_query(data["query"])
    except InputError as error:
        raise InputError(f"it steered by what is no query ({error})") from None
    return SteeringResult(
        query,
        data["weight_hash"],
        tuple(data["prompt_tokens"]),
        tuple(
            Continuation(
                text["strength"],
                text["plain"],
                text["text"],
                tuple(map(_parse_token, text["tokens"])),
                text["ended"],
            )
            for text in data["texts"]
        ),
        data["done"],
        data,
    )


def _parse_query(data: dict[str, Any]) -> SteeringQuery:
    changes = {}
    for name, (action, amount, positions) in data["changes"].items():
        any_text(action, "steered node's action")
        finite_number(amount, "steered node's amount")
        list_of(integer_between(-MAX_POSITIONS, MAX_POSITIONS))(positions, "steered node's positions")
        changes[name] = Intervention(action, float(amount), tuple(positions))
    return SteeringQuery(
        data["model"],
        data["prompt"],
        changes,
        tuple(map(float, data["strengths"])),
        data["steered_tokens"],
        {name: (toward, away) for name, (toward, away) in data["directions"].items()},
        data["max_tokens"],
        float(data["temperature"]),
        data["seed"],
        tuple(data["dictionaries"]),
        data.get("bos"),
        data.get("dtype", AUTO_DTYPE),
    )


def _parse_token(data: list[Any]) -> GeneratedToken:
    token_id, text, probability, plain_probability = data
    any_count(token_id, "written token's id")
    any_text(text, "written token")
    finite_number(probability, "written token's probability")
    optional_number(plain_probability, "written token's plain probability")
    return GeneratedToken(token_id, text, probability, plain_probability)


parts.register("steering", summary="texts that the steered model wrote")(SteeringPart())
