"""A sweep's plan: the models, tasks, methods, ablations and seeds that are combined, from a TOML file.

It is checked without opening a model: names, options and paths; what a model or a tokenizer cannot do is
known when the cell is computed, and stands in its result.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from circuitviz.discovery import methods
from circuitviz.dtypes import DTYPE_CHOICES
from circuitviz.errors import InputError, suggest_name
from circuitviz.evaluation import EDGE_SHARES
from circuitviz.evaluation.random_circuits import RandomOptions
from circuitviz.formats.file_io import read_text
from circuitviz.metrics import metrics
from circuitviz.models import ABLATIONS, local_folder
from circuitviz.options import build_options, options_to_dict
from circuitviz.sweeps.cell import RANDOM_METHOD, Options, PlannedItem, SweepCell
from circuitviz.sweeps.file_digests import digest_file, digest_model_folder
from circuitviz.tasks import TEMPLATE_SUFFIX, find_prompt_set, is_task_file, task_options_class, tasks

AUTO_SELECT = "auto"
SELECTIONS = (AUTO_SELECT, "greedy", "top", "signed", "nodes", "own")
MAX_CELLS = 1_000_000
GRIDS_KEY = "grid"


@dataclass(frozen=True)
class SweepPlan:
    """The cells of a sweep.

    Attributes:
        name: Name of the plan: that of its file.
        cells: The cells, those of one model and task beside one another, without repetitions.
    """

    name: str
    cells: tuple[SweepCell, ...]


@dataclass(frozen=True)
class _CellGrid:
    """The keys of a plan, and of each of its grids, with their defaults."""

    models: Sequence[Any] = ("demo",)
    tasks: Sequence[Any] = ("ioi",)
    methods: Sequence[Any] = ("eap-ig",)
    ablations: Sequence[Any] = ("corrupted",)
    seeds: Sequence[Any] = (0,)
    sizes: Sequence[Any] = EDGE_SHARES
    prompts: int = 40
    search_prompts: int = 16
    metric: str = ""
    dtype: str = "auto"
    select: str = AUTO_SELECT


@dataclass
class _Reader:
    """Makes cells of grids; what is read from files is digested once."""

    name: str
    folder: Path
    model_digests: dict[str, str | None] = field(default_factory=dict)
    task_digests: dict[str, str | None] = field(default_factory=dict)

    def error(self, text: str) -> InputError:
        return InputError(f"The plan '{self.name}': {text}")

    def read_cells(self, grid: _CellGrid) -> Iterator[SweepCell]:
        """All combinations of a grid's entries."""
        given_tasks = [self._read_task(entry) for entry in grid.tasks]
        given_methods = [self._read_method(entry) for entry in grid.methods]
        models = [self._read_model(name) for name in grid.models]
        for ablation in grid.ablations:
            self._require_known("ablation", ablation, ABLATIONS)
        if grid.metric:
            self._require_known("metric", grid.metric, metrics.names())
        self._require_known("dtype", grid.dtype, DTYPE_CHOICES)
        self._require_known("select", grid.select, SELECTIONS)
        sizes = self._read_sizes(grid.sizes)
        for key, least in (("prompts", 1), ("search_prompts", 0)):
            if getattr(grid, key) < least:
                raise self.error(f"'{key}' is {getattr(grid, key)}; {least} or more would be right.")
        for seed in grid.seeds:
            if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
                raise self.error(f"a seed is {seed!r}; whole numbers from 0 on would be right.")
        axes = models, given_tasks, grid.ablations, grid.seeds, given_methods
        for model, task, ablation, seed, method in product(*axes):
            found = {"model": self.model_digests[model], "task": self.task_digests[task.name]}
            yield SweepCell(
                model=model,
                task=task,
                method=method,
                ablation=ablation,
                seed=seed,
                metric=grid.metric,
                dtype=grid.dtype,
                select=grid.select,
                sizes=sizes,
                prompts=grid.prompts,
                search_prompts=grid.search_prompts,
                files=tuple((key, digest) for key, digest in found.items() if digest is not None),
            )

    def _read_model(self, entry: Any) -> str:
        if not isinstance(entry, str) or not entry:
            raise self.error(f"a model is {entry!r}; names or folders would be right.")
        beside = self.folder / Path(entry).expanduser()
        name = str(beside) if beside.is_dir() else entry
        if name not in self.model_digests:
            location = local_folder(name)  # says what a folder lacks
            self.model_digests[name] = None if location is None else digest_model_folder(location)
        return name

    def _read_task(self, entry: Any) -> PlannedItem:
        given = self._read_entry("task", entry)
        name, label = given.pop("name"), given.pop("label", "")
        path: Path | None = None
        if is_task_file(name) or name.lower().endswith(TEMPLATE_SUFFIX):
            path = self.folder / Path(name).expanduser()
            if not path.is_file():
                raise self.error(f"there is no task file '{path}'; paths are relative to the plan's folder.")
        elif name not in tasks.names():
            path = find_prompt_set(name)
            if path is None:
                self._require_known("task", name, tasks.names())
        options = self._read_options(f"task '{name}'", task_options_class(name), given)
        given_name = name if path is None or path.stem == name else str(path)
        self.task_digests[given_name] = None if path is None else digest_file(path)
        shown = path.stem if path is not None else name
        return PlannedItem(given_name, label or _label(shown, given), options)

    def _read_method(self, entry: Any) -> PlannedItem:
        given = self._read_entry("method", entry)
        name, label = given.pop("name"), given.pop("label", "")
        if name == RANDOM_METHOD:
            kind: type = RandomOptions
        else:
            self._require_known("method", name, (*methods.names(), RANDOM_METHOD))
            kind = methods.get(name).options
        options = self._read_options(f"method '{name}'", kind, given)
        return PlannedItem(name, label or _label(name, given), options)

    def _read_entry(self, what: str, entry: Any) -> dict[str, Any]:
        """A name, or a table with ``name``, perhaps ``label``, and options."""
        given = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not given["name"]:
            raise self.error(
                f'a {what} is {entry!r}; a name, or a table such as {{ name = "…", option = value }}, '
                "would be right."
            )
        if not isinstance(given.get("label", ""), str):
            raise self.error(f"the label of the {what} '{given['name']}' is {given['label']!r}, not a text.")
        return dict(given)

    def _read_options(self, what: str, kind: type, given: Mapping[str, Any]) -> Options:
        try:
            values = options_to_dict(build_options(kind, given))
        except InputError as error:
            raise self.error(f"{what}: {error}") from None
        return tuple(sorted(values.items()))

    def _read_sizes(self, sizes: Sequence[Any]) -> tuple[float, ...]:
        for size in sizes:
            is_number = isinstance(size, int | float) and not isinstance(size, bool)
            if not is_number or not size > 0 or (size > 1 and size != int(size)):
                raise self.error(
                    f"a size is {size!r}; a share of the edges from 0 to 1, such as 0.01, or a number of "
                    "edges, such as 200, would be right."
                )
        return tuple(float(size) for size in sizes)

    def _require_known(self, what: str, name: Any, known: Sequence[str]) -> None:
        if name not in known:
            raise self.error(
                f"there is no {what} '{name}'; there is {', '.join(known)}." + suggest_name(str(name), known)
            )


def read_plan(path: Path) -> SweepPlan:
    """Read a plan's file; paths in it are relative to its folder.

    Raises:
        InputError: The file cannot be read, or something in it is wrong.
    """
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"'{path.name}' is not TOML: {error}.") from None
    return parse_plan(data, path.stem, path.parent)


def parse_plan(data: Mapping[str, Any], name: str, folder: Path) -> SweepPlan:
    """Make the cells of a plan.

    Args:
        data: The keys of the plan, and under ``grid`` tables that override them, each a grid of its own.
        name: Name of the plan, for messages.
        folder: What paths are relative to.

    Raises:
        InputError: A key, a name, an option, a path or a value is wrong.
    """
    reader = _Reader(name, folder)
    shared = {key: value for key, value in data.items() if key != GRIDS_KEY}
    grids = data.get(GRIDS_KEY, [{}])
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, dict) for grid in grids):
        raise reader.error(f"'{GRIDS_KEY}' is no list of tables; write each as [[{GRIDS_KEY}]].")
    cells: dict[str, SweepCell] = {}
    for grid in grids:
        for cell in reader.read_cells(_read_grid(reader, {**shared, **grid})):
            cells.setdefault(cell.digest, cell)
            if len(cells) > MAX_CELLS:
                raise reader.error(f"it has more than {MAX_CELLS:,} cells; make several plans of it.")
    return SweepPlan(name, tuple(cells.values()))


def _read_grid(reader: _Reader, given: Mapping[str, Any]) -> _CellGrid:
    """The keys of a grid, each of its default's kind."""
    grid, known = _CellGrid(), list(_CellGrid.__dataclass_fields__)
    for key, value in given.items():
        if key not in known:
            raise reader.error(
                f"there is no key '{key}'; there is {', '.join(known)}." + suggest_name(key, known)
            )
        default = getattr(grid, key)
        is_right = (
            isinstance(value, list) and bool(value)
            if isinstance(default, tuple)
            else isinstance(value, type(default)) and not isinstance(value, bool)
        )
        if not is_right:
            kind = {tuple: "a list with at least one entry", int: "a whole number", str: "a text"}
            raise reader.error(f"'{key}' is {value!r}; {kind[type(default)]} would be right.")
    return _CellGrid(**given)


def _label(name: str, options: Mapping[str, Any]) -> str:
    """A name with the options that a plan gives it.

    >>> _label("eap-ig", {"steps": 20})
    'eap-ig (steps 20)'
    """
    told = ", ".join(f"{key.replace('_', '-')} {value}" for key, value in options.items())
    return f"{name} ({told})" if told else name
