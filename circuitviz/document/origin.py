"""Where a circuit comes from: everything needed to compute it again, also on another machine.

A circuit is found either over the prompt pairs of a task (`TaskOrigin`) or by tracing a target back on one
prompt (`PromptOrigin`). Both say what has to be open to measure the circuit (`requirements`), what the
circuit is about (`subject`), and the command line that computes it again. Code that needs to know which of
the two it has matches on the class.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from circuitviz.document.attribution_query import EDGE_SHARE_SELECTION, PROMPT_TASK, AttributionQuery
from circuitviz.dtypes import FULL_DTYPE
from circuitviz.graph.ablation_constants import AblationConstants
from circuitviz.graph.names import parse_folders
from circuitviz.graph.scores import IMPORTED_METHOD
from circuitviz.graph.spans import CharacterSpan

TaskAnswer = str | int
"""An answer of a task: its text, or its id in the vocabulary."""

PairTexts = (
    tuple[str, str, tuple[TaskAnswer, ...], tuple[TaskAnswer, ...]]
    | tuple[str, str, tuple[TaskAnswer, ...], tuple[TaskAnswer, ...], tuple[CharacterSpan, ...]]
)
"""A clean prompt, its corrupted partner, correct and incorrect answers, and its spans where it names any."""

TYPED_PAIR_TASK = "typed pair"
"""The task of a pair of prompts that was typed by hand."""


def select_text_answers(answers: Iterable[TaskAnswer]) -> tuple[str, ...]:
    """Return the answers that are text, which a person can type; ids come from task files only."""
    return tuple(answer for answer in answers if isinstance(answer, str))


@dataclass(frozen=True)
class TaskOrigin:
    """The model, task, method and machine of a circuit found over a task's prompt pairs.

    Attributes:
        model: name or local path of the model.
        weight_hash: hash of the model's weights; empty where unknown.
        task: name or file of the task.
        task_hash: hash of the prompts as tokens, their answers and positions.
        pairs: the prompts themselves, so that the circuit can be measured when the task's file has gone.
        metric: the registered metric that scores and measurements use.
        ablation: the registered ablation of everything outside the circuit.
        method: the registered method that scored the edges, or `imported`.
        options: the method's options by name.
        select: how edges were selected from the scores (`greedy`, `top`, `threshold`, `own`).
        requested: the number of edges, or the threshold, that was requested; None where the method decides.
        prompts: number of prompt pairs.
        seed: random seed of the task.
        bos: whether prompts begin with the model's BOS token; None: as the tokenizer does by itself.
        task_options: options of the task, such as the rows that were left out.
        versions: versions of the packages that numbers depend on.
        machine: system, processors, device and Python.
        seconds: how long the search took.
        created: when it ended, ISO 8601 in UTC.
        dtype: the precision that the model's weights were kept in.
        constants: the constants of `optimal` ablation; None for other ablations.
        by_span: whether edges were scored at each span of the prompts.
    """

    model: str
    weight_hash: str
    task: str
    task_hash: str
    pairs: tuple[PairTexts, ...]
    metric: str
    ablation: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    select: str = "greedy"
    requested: float | None = None
    prompts: int = 0
    seed: int = 0
    bos: bool | None = None
    task_options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    seconds: float = 0.0
    created: str = ""
    dtype: str = FULL_DTYPE
    constants: AblationConstants | None = field(default=None, compare=False, repr=False)
    by_span: bool = False

    @property
    def is_imported(self) -> bool:
        """Whether the circuit was read from another tool's file and is measured on this task."""
        return self.method == IMPORTED_METHOD

    @property
    def requirements(self) -> tuple[object, ...]:
        """What has to be open for the circuit to be measured: model, prompts, metric and ablation."""
        constants = () if self.constants is None else (self.constants.digest,)
        return self.model, self.dtype, self.task, self.task_hash, self.metric, self.ablation, *constants

    @property
    def dictionaries(self) -> tuple[str, ...]:
        """Files and folders of the dictionaries that were used; empty: the demo's own, or none."""
        value = self.options.get("dictionaries") or ()
        return parse_folders(value) if isinstance(value, str) else tuple(map(str, value))

    @property
    def subject(self) -> tuple[object, ...]:
        """What the circuit is about; seed and number of prompts belong to the search, not to the subject."""
        pairs = self.pairs if self.task == TYPED_PAIR_TASK else ()
        return self.weight_hash or self.model, self.task, pairs

    @property
    def prompt_key(self) -> tuple[object, ...]:
        """Key of the prompt that positions of node names (`m3.f12@7`) refer to."""
        prompt = self.pairs[0][0] if self.pairs else ""
        return prompt, self.bos, tuple(self.options.get("tokens") or ())

    def command_line(self) -> str:
        """Return the command line that computes the circuit again."""
        if self.is_imported:
            return self._import_command()
        parts = ["circuitviz", "discover", "-m", self.model, "-t", self.task]
        parts += ["--method", self.method, "--select", self.select]
        if self.requested is not None:
            flag = "--threshold" if self.select == "threshold" else "--edges"
            parts += [flag, f"{self.requested:g}"]
        parts += self._setting_flags()
        parts += ["--by-span"] if self.by_span else []
        parts += ["--skip-unusable"] if self.task_options.get("left_out") else []
        of_task = {name: value for name, value in self.task_options.items() if name != "left_out"}
        for name, value in {**of_task, **self.options}.items():
            parts += [f"--{name.replace('_', '-')}", str(value)]
        return shlex.join(parts)

    def _import_command(self) -> str:
        file, sign = (str(self.options.get(name, "")) for name in ("file", "sign"))
        parts = ["circuitviz", "import", file, "-m", self.model, "-t", self.task]
        return shlex.join([*parts, *self._setting_flags(), "--sign", sign or "auto"])

    def _setting_flags(self) -> list[str]:
        return [
            *("--prompts", str(self.prompts), "--seed", str(self.seed), "--metric", self.metric),
            *("--ablation", self.ablation, "--dtype", self.dtype),
        ]

    def with_evaluation_setting(self, ablation: str, errors: str) -> TaskOrigin:
        """Return the origin of the same circuit evaluated under another ablation."""
        return replace(self, ablation=ablation, options={**self.options, "errors": errors})

    def map_paths(self, change: Callable[[str], str]) -> TaskOrigin:
        """Return the origin with every name that may be a local path changed."""
        options = dict(self.options)
        for name in ("dictionaries", "file"):
            value = options.get(name)
            if isinstance(value, str):
                texts = parse_folders(value) if name == "dictionaries" else [value]
                options[name] = "; ".join(map(change, texts))
            elif isinstance(value, list | tuple):
                options[name] = [change(text) if isinstance(text, str) else text for text in value]
        return replace(self, model=change(self.model), task=change(self.task), options=options)


@dataclass(frozen=True)
class PromptOrigin:
    """The query and the machine of a circuit of features on one prompt.

    Attributes:
        query: the query: model, prompt, target and how the target was attributed.
        weight_hash: hash of the model's weights; empty where unknown.
        task_hash: hash of what a measurement depends on besides the edges: tokens, target and dictionaries.
        select: how edges were selected from the scores: by their share of all |score|, unless a person chose.
        requested: the number of edges that a person requested; None where none was.
        versions: versions of the packages that numbers depend on.
        machine: system, processors, device and Python.
        seconds: how long the search took.
        created: when it ended, ISO 8601 in UTC.
    """

    query: AttributionQuery
    weight_hash: str = ""
    task_hash: str = ""
    select: str = EDGE_SHARE_SELECTION
    requested: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    seconds: float = 0.0
    created: str = ""

    def __post_init__(self) -> None:
        """Bring the query into the form that files store, so that equal origins are equal."""
        object.__setattr__(self, "query", self.query.canonical())

    @property
    def model(self) -> str:
        """Name or local path of the model."""
        return self.query.model

    @property
    def dtype(self) -> str:
        """The precision that the model's weights were kept in."""
        return self.query.dtype

    @property
    def task(self) -> str:
        """`PROMPT_TASK`, where other origins have a task's name."""
        return PROMPT_TASK

    @property
    def pairs(self) -> tuple[PairTexts, ...]:
        """The prompt with its corrupted partner and its answers, empty where there are none."""
        query = self.query
        return ((query.prompt, query.corrupted, query.correct, query.incorrect),)

    @property
    def prompts(self) -> int:
        """Number of prompts."""
        return 1

    @property
    def seed(self) -> int:
        """0: nothing is drawn at random."""
        return 0

    @property
    def bos(self) -> bool | None:
        """Whether the prompt begins with the model's BOS token; None: as the tokenizer does by itself."""
        return self.query.bos

    @property
    def task_options(self) -> Mapping[str, Any]:
        """Empty: there is no task."""
        return {}

    @property
    def by_span(self) -> bool:
        """False: its nodes have positions."""
        return False

    @property
    def metric(self) -> str:
        """What the circuit is measured by: the target's activation, or a difference of logits."""
        return self.query.metric

    @property
    def ablation(self) -> str:
        """What nodes outside the circuit are set to when it is measured."""
        return self.query.ablation

    @property
    def method(self) -> str:
        """The method that traced the target back, one of `PROMPT_METHODS`."""
        return self.query.method

    @property
    def options(self) -> dict[str, Any]:
        """The method's options by name."""
        return self.query.options

    @property
    def is_imported(self) -> bool:
        """False: the query of an imported circuit is not known."""
        return False

    @property
    def requirements(self) -> tuple[object, ...]:
        """What has to be open for the circuit to be measured: the prompt with its nodes."""
        return PROMPT_TASK, *self.query.run_key

    @property
    def dictionaries(self) -> tuple[str, ...]:
        """Files and folders of the dictionaries that were used; empty: the demo's own."""
        return self.query.dictionaries

    @property
    def subject(self) -> tuple[object, ...]:
        """What the circuit is about: the model and its one prompt."""
        return self.weight_hash or self.model, PROMPT_TASK, *self.prompt_key

    @property
    def prompt_key(self) -> tuple[object, ...]:
        """Key of the prompt that positions of node names (`m3.f12@7`) refer to."""
        return self.query.prompt, self.query.bos, self.query.tokens

    def command_line(self) -> str:
        """Return the command line that computes the circuit again."""
        return self.query.command_line()

    def with_evaluation_setting(self, ablation: str, errors: str) -> PromptOrigin:
        """Return the origin of the same circuit evaluated under another ablation and error mode."""
        return replace(self, query=self.query.with_evaluation_setting(ablation, errors))

    def map_paths(self, change: Callable[[str], str]) -> PromptOrigin:
        """Return the origin with every name that may be a local path changed."""
        query = self.query
        folders = tuple(map(change, query.dictionaries))
        return replace(self, query=replace(query, model=change(query.model), dictionaries=folders))


Origin = TaskOrigin | PromptOrigin
"""Where a circuit comes from."""


OTHER_SUBJECT, SAME_MODEL, SAME_SUBJECT = range(3)
"""Relations of two circuits, from unrelated to the same model and task or prompt."""


def subject_relation(first: Origin | None, second: Origin | None) -> int:
    """Compare what two circuits are about.

    Annotations of a circuit's nodes hold for circuits of the same subject only.

    Returns:
        `SAME_SUBJECT`, `SAME_MODEL`, or `OTHER_SUBJECT`, also where an origin is unknown.
    """
    if first is None or second is None or first.subject[0] != second.subject[0]:
        return OTHER_SUBJECT
    return SAME_SUBJECT if first.subject == second.subject else SAME_MODEL
