"""What the model wrote while it was steered."""

from __future__ import annotations

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
steering_schema = list_of(
    record_of(
        {
            "query": query_schema,
            "weight_hash": any_text,
            "prompt_tokens": list_of(any_text),
            "done": boolean,
            "texts": list_of(text_schema),
        }
    )
)


class SteeringPart(DocumentPart):
    """``steering``: queries with the texts that they gave, oldest first."""

    keys = ("steering",)

    def write(self, document: Document) -> dict[str, Any]:
        """All of them."""
        return {"steering": [result.to_json() for result in document.state.steering]}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """All of them; none in older files."""
        data = contents.get("steering", [])
        steering_schema(data, "steering")
        return {"steering": tuple(map(_parse_result, data))}


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
