"""Access to Hugging Face: an answer within seconds whether it can be reached, and blocking of all downloads.

Only what a person asks for reaches the network, never what a file names. Offline, nobody waits for retries.
huggingface_hub loads its parts when they are used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import huggingface_hub
from huggingface_hub import constants, utils

from circuitviz.progress import Progress, ProgressSteps

HUB_TIMEOUT_S = 4.0  # for one small answer; a missing name server may take longer to fail
POLL_INTERVAL_S = 0.1
_forbid_depth = 0  # number of nested ``forbid_downloads``


def probe_hub_steps() -> ProgressSteps[bool]:
    """Ask Hugging Face once, with its own library's proxies and settings, for at most ``HUB_TIMEOUT_S``.

    Progress is yielded while there is no answer, so that waiting can be cancelled. ``HF_HUB_OFFLINE`` is
    respected.

    Returns:
        Whether it answered.
    """
    if constants.HF_HUB_OFFLINE:
        return False
    answers: list[bool] = []
    thread = threading.Thread(target=_request_hub, args=(answers, constants.ENDPOINT), daemon=True)
    thread.start()
    deadline = time.monotonic() + HUB_TIMEOUT_S
    while thread.is_alive() and time.monotonic() < deadline:
        yield Progress(0, 1, "Connecting to Hugging Face")
        thread.join(POLL_INTERVAL_S)
    return bool(answers)


def is_download_forbidden() -> bool:
    """Whether the program is inside ``forbid_downloads``."""
    return _forbid_depth > 0


@contextmanager
def forbid_downloads() -> Iterator[None]:
    """Block the network within a ``with`` block; names give what was downloaded before.

    For names that come from a file that a person only looks at.
    """
    global _forbid_depth
    _forbid_depth += 1
    try:
        with hub_access(False):
            yield
    finally:
        _forbid_depth -= 1


def is_downloaded(name: str) -> bool:
    """Whether a model of this name, or a part of it, is in the local cache."""
    try:
        return isinstance(huggingface_hub.try_to_load_from_cache(name, "config.json"), str)
    except ValueError:  # HFValidationError: no repository has such a name
        return False


def cached_hub_file(address: str) -> Path | None:
    """Return the local copy of ``hf://OWNER/NAME/FILE?revision=REVISION``; None where there is none."""
    parsed = urlparse(address)
    name, _, file = parsed.path.lstrip("/").partition("/")
    revision = parse_qs(parsed.query).get("revision", [None])[0]
    try:
        path = huggingface_hub.try_to_load_from_cache(f"{parsed.netloc}/{name}", file, revision=revision)
    except ValueError:  # HFValidationError: no repository has such a name
        return None
    return Path(path) if isinstance(path, str) else None


@contextmanager
def hub_access(is_reachable: bool) -> Iterator[None]:
    """Load from the network if it answers, otherwise from the cache, within a ``with`` block.

    The library's messages on its retries are suppressed: a failure is reported in one sentence of our own.
    """
    offline, verbosity = constants.HF_HUB_OFFLINE, utils.logging.get_verbosity()
    constants.HF_HUB_OFFLINE = offline or not is_reachable
    utils.logging.set_verbosity_error()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        utils.logging.set_verbosity(verbosity)


def _request_hub(answers: list[bool], endpoint: str) -> None:
    try:
        huggingface_hub.get_session().head(endpoint, timeout=HUB_TIMEOUT_S)
    except Exception:  # no name server, no route, no certificate: unreachable
        return
    answers.append(True)
