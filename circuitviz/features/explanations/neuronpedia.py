"""A feature of Neuronpedia, fetched from its public API when a person asks for it, and only then.

``GET /api/feature/MODEL/SOURCE/INDEX`` gives a feature's activating examples, explanations and statistics.
What was fetched is kept in the user's cache folder as the API gave it, and read from there the next time.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from circuitviz.errors import ComputationError, InputError
from circuitviz.features.explanations.explanation_files import (
    NEURONPEDIA_URL,
    Explanation,
    parse_feature_place,
    read_explanations,
)
from circuitviz.formats.file_io import write_atomically
from circuitviz.models.hub import is_download_forbidden
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.resources import user_cache_folder
from circuitviz.versions import package_version

KEY_VARIABLE, URL_VARIABLE = "NEURONPEDIA_API_KEY", "NEURONPEDIA_URL"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 20.0  # of one attempt; reading: between two pieces of the answer
MAX_ATTEMPT_S = 60.0  # of one attempt in all
MAX_ATTEMPTS = 3
FIRST_WAIT_S, MAX_WAIT_S = 1.0, 30.0  # between attempts: doubled each time, or as the server says
MAX_ANSWER_BYTES = 2**25
POLL_INTERVAL_S = 0.1
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_ADDRESS = re.compile(rf"(?:(?:https?://)?(?:www\.)?neuronpedia\.org/)?({_NAME})/({_NAME})/(\d{{1,9}})/?")
_REPEATED_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, 500, 502, 503, 504)


@dataclass(frozen=True)
class NeuronpediaAddress:
    """Where a feature is on Neuronpedia.

    Attributes:
        model: Neuronpedia's name of the model, ``gpt2-small``.
        source: Layer and set, ``5-tres-dc``.
        index: The feature's index.
    """

    model: str
    source: str
    index: int

    def __str__(self) -> str:
        return f"{self.model}/{self.source}/{self.index}"

    @property
    def link(self) -> str:
        """The feature's page."""
        return f"{NEURONPEDIA_URL}/{self}"


@dataclass(frozen=True)
class NeuronpediaFeature:
    """What Neuronpedia says of a feature.

    Attributes:
        address: Where it is.
        path: The answer as the API gave it, in the cache; a file of one feature's JSON.
        site: The site of its dictionary here, ``m5``; empty where the answer does not state it.
        explanations: Explanations with their authors.
        statistics: ``max_activation``, ``density`` (share of tokens at which it is active) and the tokens
            that it promotes and suppresses, ``promoted`` and ``suppressed``, where the answer has them.
        n_examples: Number of activating examples.
        is_from_cache: Whether nothing was fetched.
    """

    address: NeuronpediaAddress
    path: Path
    site: str
    explanations: tuple[Explanation, ...]
    statistics: Mapping[str, Any] = field(default_factory=dict)
    n_examples: int = 0
    is_from_cache: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as documents keep it."""
        return {
            "address": str(self.address),
            "explanations": [{"text": one.text, "source": one.source} for one in self.explanations],
            "statistics": dict(self.statistics),
        }


def parse_address(text: str) -> NeuronpediaAddress:
    """Read a feature's address, with the site's name before it or without.

    >>> str(parse_address("https://www.neuronpedia.org/gpt2-small/5-tres-dc/123"))
    'gpt2-small/5-tres-dc/123'

    Raises:
        InputError: The text is no address.
    """
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"'{text[:80]}' is no feature's address on Neuronpedia; MODEL/LAYER-SET/INDEX, as "
            "gpt2-small/5-tres-dc/123, would be right."
        )
    return NeuronpediaAddress(match[1], match[2], int(match[3]))


def fetch_feature_steps(
    address: NeuronpediaAddress, base_url: str = "", cache_folder: Path | None = None
) -> ProgressSteps[NeuronpediaFeature]:
    """Return a feature from the cache, or from Neuronpedia's API.

    A key is sent where the environment has one in ``NEURONPEDIA_API_KEY``; the API gives features without.
    Where the server is too busy, or the connection breaks, it is tried again, up to ``MAX_ATTEMPTS`` times.

    Args:
        address: The feature.
        base_url: The server; the one that ``NEURONPEDIA_URL`` names, or Neuronpedia's own, where empty.
        cache_folder: Where answers are kept; the user's cache folder by default.

    Returns:
        A generator whose result is the feature. It yields while it waits, so that waiting can be cancelled.

    Raises:
        InputError: Neuronpedia has no such feature, or refuses the key.
        ComputationError: There is no network, the server fails or is too slow, or its answer is no feature.
    """
    folder = cache_folder or user_cache_folder() / "neuronpedia"
    path = folder / address.model / address.source / f"{address.index}.json"
    if path.is_file():
        try:
            return _read_feature(address, path, is_from_cache=True)
        except (InputError, ComputationError):
            pass  # damaged: it is fetched anew
    if is_download_forbidden():
        raise ComputationError(
            f"{address} was not fetched from Neuronpedia before, and nobody asked for it now."
        )
    url = (base_url or os.environ.get(URL_VARIABLE) or NEURONPEDIA_URL).rstrip("/")
    content = yield from _download_steps(f"{url}/api/feature/{address}", address)
    _check_answer(content, address)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return _read_feature(address, path, is_from_cache=False)


@dataclass
class _Attempt:
    """One request, on a thread of its own."""

    content: bytes | None = None
    status: int = 0
    failure: str = ""
    retry_after_s: float | None = None


def _download_steps(url: str, address: NeuronpediaAddress) -> ProgressSteps[bytes]:
    wait_s, attempt = FIRST_WAIT_S, _Attempt()
    for number in range(1, MAX_ATTEMPTS + 1):
        attempt = _Attempt()
        thread = threading.Thread(target=_request, args=(url, attempt), daemon=True)
        thread.start()
        deadline = time.monotonic() + MAX_ATTEMPT_S
        while thread.is_alive() and time.monotonic() < deadline:
            yield Progress(0, 1, f"Asking Neuronpedia for {address}")
            thread.join(POLL_INTERVAL_S)
        if thread.is_alive():
            attempt = _Attempt(failure=f"it took more than {MAX_ATTEMPT_S:.0f} s")
        if attempt.content is not None:
            return attempt.content
        if attempt.status and attempt.status not in _REPEATED_STATUSES:
            break
        if number < MAX_ATTEMPTS:
            pause_s = wait_s if attempt.retry_after_s is None else attempt.retry_after_s
            end, wait_s = time.monotonic() + min(pause_s, MAX_WAIT_S), 2 * wait_s
            while (left := end - time.monotonic()) > 0:
                yield Progress(0, 1, f"Neuronpedia did not answer; trying again in {left:.0f} s")
                time.sleep(min(left, POLL_INTERVAL_S))
    raise _failure(attempt, address)


def _request(url: str, attempt: _Attempt) -> None:
    headers = {"User-Agent": f"circuitviz/{package_version('circuitviz')}", "Accept": "application/json"}
    if key := os.environ.get(KEY_VARIABLE, "").strip():
        headers["x-api-key"] = key
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    pieces: list[bytes] = []
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout) as answer:
            attempt.status = answer.status_code
            after = answer.headers.get("retry-after", "")
            attempt.retry_after_s = float(after) if after.isdecimal() else None
            if answer.status_code != HTTPStatus.OK:
                return
            for piece in answer.iter_bytes():
                pieces.append(piece)
                if sum(map(len, pieces)) > MAX_ANSWER_BYTES:
                    attempt.failure = f"its answer is longer than {MAX_ANSWER_BYTES / 2**20:.0f} MB"
                    return
        attempt.content = b"".join(pieces)
    except httpx.TimeoutException:
        attempt.status, attempt.failure = 0, "it does not answer in time"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        attempt.status, attempt.failure = 0, str(error).splitlines()[0] if str(error) else "no connection"


def _failure(attempt: _Attempt, address: NeuronpediaAddress) -> Exception:
    status = attempt.status
    if status == HTTPStatus.NOT_FOUND:
        return InputError(
            f"Neuronpedia has no feature '{address}'; its pages have addresses such as "
            "gpt2-small/5-tres-dc/123."
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return InputError(
            f"Neuronpedia refuses '{address}' without a key that it knows; set {KEY_VARIABLE} to your API "
            "key (neuronpedia.org, Settings)."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ComputationError(
            "Neuronpedia was asked too often for now; try again later, or import an export of its data "
            "(Features → Files)."
        )
    if status not in (0, HTTPStatus.OK):
        return ComputationError(f"Neuronpedia could not give '{address}' (status {status}); try again later.")
    return ComputationError(
        f"Neuronpedia could not be reached for '{address}' ({attempt.failure[:120]}); a network connection "
        "is needed, or a file of the feature that was downloaded."
    )


def _check_answer(content: bytes, address: NeuronpediaAddress) -> dict[str, Any]:
    """Return the feature's object.

    Raises:
        ComputationError: The answer is none, or of another feature.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("activations"), list):
        raise ComputationError(
            f"What the server gave for '{address}' is no feature of Neuronpedia; try again later."
        )
    given = tuple(str(answer.get(name)) for name in ("modelId", "layer", "index"))
    if given != (address.model, address.source, str(address.index)):
        raise ComputationError(
            f"The server was asked for '{address}' and gave '{'/'.join(given)[:120]}'; try again later."
        )
    return answer


def _read_feature(address: NeuronpediaAddress, path: Path, is_from_cache: bool) -> NeuronpediaFeature:
    answer = _check_answer(path.read_bytes(), address)
    lowered = {name.lower(): value for name, value in answer.items()}
    layer, _, part = parse_feature_place(lowered, path)
    try:
        explanations = read_explanations(path, part or None).explanations
    except InputError:  # none yet
        explanations = ()
    statistics: dict[str, Any] = {}
    for name, key in (("max_activation", "maxActApprox"), ("density", "frac_nonzero")):
        if _is_number(answer.get(key)):
            statistics[name] = float(answer[key])
    for name, key in (("promoted", "pos"), ("suppressed", "neg")):
        tokens, values = answer.get(f"{key}_str"), answer.get(f"{key}_values")
        if isinstance(tokens, list) and isinstance(values, list):
            pairs = zip(tokens, values, strict=False)
            statistics[name] = [[str(token), float(v)] for token, v in pairs if _is_number(v)]
    site = f"{part}{layer}" if len(part) == 1 and layer is not None else ""
    return NeuronpediaFeature(
        address, path, site, explanations, statistics, len(answer["activations"]), is_from_cache
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
