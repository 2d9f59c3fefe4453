"""Which request the worker answers first."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """The lower, the more urgent: a running job steps aside for a more urgent one and goes on afterwards.

    Requests below ``OPEN_MODEL`` do not need the document's model: opening another does not drop them.
    """

    LOAD_CATALOG = -4
    WITHOUT_MODEL = -3
    INSPECT_PROMPTS = -2  # while a person types, whichever document is open
    OPEN_PROMPTS_MODEL = -1
    OPEN_MODEL = 0  # also a search, which opens what it needs
    SEARCH = 1  # on what is open
    CHANGE_THRESHOLD = 4
    MEASURE_FAITHFULNESS = 10
    READ_DASHBOARD = 19
    READ_NODE = 20
    READING = 21
    READ_EFFECTS = 22
    READ_TOP_TOKENS = 25
    STEER = 28
    MEASURE_CURVE = 30
    CHECK_CLAIMS = 35
    COMPUTE_MEASURE = 40
    READ_MANY_RUNS = 42  # patching maps, evaluation on another model
    COMPARE_METHODS = 45
    READ_FRACTION_CURVE = 46
    COLLECT_TRACES = 47
    DEFAULT = 50
    TRAIN = 60
