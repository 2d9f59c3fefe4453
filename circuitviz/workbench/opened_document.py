"""A circuit file for scripts and notebooks: its document, and the model and prompts that it names."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from circuitviz import discovery, lens, models, tasks
from circuitviz.document import Document, Evidence
from circuitviz.document.imported_circuits import fit_state
from circuitviz.errors import InputError
from circuitviz.formats import import_document
from circuitviz.formats.reference_circuit import find_reference
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.workbench.claim_outcomes import claims_to_test
from circuitviz.workbench.experiment import Experiment, OpenArguments, open_steps
from circuitviz.workbench.prompt_experiment import PromptExperiment
from circuitviz.workbench.run_claim_tests import run_claim_test_steps

if TYPE_CHECKING:
    from circuitviz.graph import Evaluation
    from circuitviz.workbench.prompt_node_reading import PromptNodeReading


class OpenedDocument:
    """A document with its experiment, which is opened when it is first asked for.

    Args:
        document: The document.
        device: ``cpu``, ``cuda`` or ``auto`` (``load_model``).
        model: Another model of the same shape, by name or open; that of the document by default.
        task: Another task, by name, by file or open; the document's own prompts by default.
        dtype: The precision that weights are kept in; that of the document by default.
    """

    def __init__(
        self,
        document: Document,
        device: str = "cpu",
        model: str | models.Model | None = None,
        task: str | tasks.Task | None = None,
        dtype: str | None = None,
    ) -> None:
        self.document = document
        self._device, self._model, self._task, self._dtype = device, model, task, dtype

    @cached_property
    def experiment(self) -> Experiment:
        """The model and the prompts, opened.

        The network is not used unless a model was named: what a file names is not downloaded.

        Raises:
            InputError: They cannot be opened, or the document does not name them.
        """
        steps = open_document_steps(
            self.document, device=self._device, dtype=self._dtype, model=self._model, task=self._task
        )
        if self._model is not None:
            return run_to_completion(steps)
        with models.forbid_downloads():
            return run_to_completion(steps)

    def evaluate(self) -> Evaluation:
        """Measure the circuit as it stands in the document, without what is ablated there."""
        experiment = self.experiment  # opening fits an imported circuit to its model
        return run_to_completion(experiment.evaluate_state_steps(self.document.state))

    def test_claims(self, target: str | None = None) -> list[tuple[str, Evidence]]:
        """Test what labels claim, and write the outcomes into the document.

        Args:
            target: The node, edge, group or class whose label's claims are tested; by default all that have
                no outcome yet, or one that no longer stands.

        Returns:
            Each target with its claim and the outcome.

        Raises:
            InputError: A test does not suit its target or what is open.
        """
        experiment, state = self.experiment, self.document.state
        if target is None:
            wanted = claims_to_test(state)
        else:
            wanted = [(target, evidence) for evidence in state.labels[target].evidence]
        return [
            (name, run_to_completion(run_claim_test_steps(self.document, experiment, name, evidence)))
            for name, evidence in wanted
        ]

    def read(self, node: str, prompt: int = 0) -> lens.NodeReading | PromptNodeReading:
        """Read a node on one prompt.

        Args:
            node: Name of the node.
            prompt: Number of the prompt in the task; a circuit of features has one prompt, number 0.

        Raises:
            InputError: There is no such node or prompt.
        """
        experiment = self.experiment
        if isinstance(experiment, PromptExperiment):
            if prompt != 0:
                raise InputError(f"Prompt {prompt} was asked for, but this circuit has one prompt, number 0.")
            return experiment.read(node)
        state = self.document.state
        graph = None if state.circuit is None else state.circuit.graph
        return experiment.read(node, prompt, graph, state.method_options)

    def read_edge(self, edge: str, prompt: int = 0) -> discovery.EdgeContributions:
        """Read which positions of a prompt an edge's score comes from.

        Args:
            edge: Name of an edge between components, such as ``m0->a3.h1<k>``.
            prompt: Number of the prompt in the task.

        Raises:
            InputError: There is no such edge or prompt, or the circuit is of features on one prompt.
        """
        experiment, origin = self.experiment, self.document.state.origin
        if isinstance(experiment, PromptExperiment):
            raise InputError("Edges between features of one prompt are not read by position.")
        method, options = (
            (discovery.DEFAULT_METHOD, {}) if origin is None else (origin.method, origin.options)
        )
        steps = discovery.read_edge_steps(
            experiment.setting, edge, prompt, method, experiment.ablation_values, **options
        )
        return run_to_completion(steps)


def open(
    path: Path | str | Document,
    device: str = "cpu",
    model: str | models.Model | None = None,
    task: str | tasks.Task | None = None,
    dtype: str | None = None,
) -> OpenedDocument:
    """Open a circuit file or a reference, with its model and prompts for measurements and readings.

    Args:
        path: A file that circuitviz can read, the name of a reference, or a document.
        device: ``cpu``, ``cuda`` or ``auto`` (``load_model``).
        model: Another model of the same shape, by name or open; that of the file by default.
        task: Another task, by name, by file or open; the file's own prompts by default.
        dtype: The precision that weights are kept in, as for `load_model`; that of the file by default.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    document = path if isinstance(path, Document) else import_document(find_reference(path))
    return OpenedDocument(document, device, model, task, dtype)


def open_document_steps(document: Document, **arguments: Unpack[OpenArguments]) -> ProgressSteps[Experiment]:
    """Open what a document's origin or reference names, or another model or task.

    An imported circuit gets the model's receivers: the document's state is replaced.

    Args:
        document: The document.
        **arguments: Those of `open_steps`; the circuit is the document's.

    Raises:
        InputError: The document does not say which model and task its circuit belongs to, or these cannot be
            opened.
    """
    origin, circuit = document.state.origin, document.state.circuit
    if origin is not None:
        arguments["circuit"] = circuit
        return (yield from open_steps(origin, **arguments))
    reference = document.extra.get("reference", {})
    for name in ("model", "task", "ablation"):
        if arguments.get(name) is None:
            arguments[name] = reference.get(name)
    model = arguments["model"]
    if circuit is None or model is None or arguments["task"] is None:
        raise InputError(
            "The document does not say which model and task its circuit belongs to (it was imported); "
            "name them."
        )
    experiment = yield from open_steps(None, **arguments)
    model_name = model if isinstance(model, str) else model.name
    document.set_state(fit_state(document.state, experiment.model.shape, model_name))
    return experiment
