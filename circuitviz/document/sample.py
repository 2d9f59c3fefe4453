"""Whether a circuit is judged on the prompts that it was found on."""

from __future__ import annotations

from collections.abc import Iterable

from circuitviz.document.origin import Origin, TaskOrigin

IN_SAMPLE, PARTLY_IN_SAMPLE, HELD_OUT = "in-sample", "partly in-sample", "held-out"
UNKNOWN_SAMPLE = "unknown sample"
SAMPLE_TEXTS = {
    IN_SAMPLE: "the prompts of the search",
    PARTLY_IN_SAMPLE: "some of them prompts of the search",
    HELD_OUT: "none of them a prompt of the search",
    UNKNOWN_SAMPLE: "the prompts of the search are not known",
}


def sample_of(origin: Origin | None, prompts: Iterable[tuple[str, str]] | None = None) -> str:
    """Compare the prompts that judge a circuit with those that it was found on.

    Args:
        origin: The circuit's origin.
        prompts: Clean and corrupted prompts that judge it; those of the origin by default.

    Returns:
        One of ``SAMPLE_TEXTS``' keys.
    """
    if origin is None or (isinstance(origin, TaskOrigin) and origin.is_imported):
        return UNKNOWN_SAMPLE
    searched = {(clean, corrupted) for clean, corrupted, *_ in origin.pairs}
    judged = searched if prompts is None else set(prompts)
    if judged <= searched:
        return IN_SAMPLE
    return HELD_OUT if searched.isdisjoint(judged) else PARTLY_IN_SAMPLE
