"""A model with one prompt and its nodes, ready for measurements, readings and claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from circuitviz import discovery, features, models
from circuitviz.document.origin import PromptOrigin
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Evaluation, Interventions
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.workbench.claim_inputs import prompt_pair_setting
from circuitviz.workbench.prompt_evaluation import (
    PromptEvaluationRequest,
    evaluate_prompt_request,
    open_bench,
)
from circuitviz.workbench.prompt_node_reading import PromptNodeReading, read_prompt_node
from circuitviz.workbench.prompt_session import PromptSession


@dataclass(eq=False)
class PromptExperiment:
    """A model with one prompt and its nodes.

    Attributes:
        origin: The query, and where the circuit comes from that this was opened for.
        session: The open prompt.
        warnings: What differs from what the circuit was found on, and dictionaries that do not fit the model,
            in sentences.
    """

    origin: PromptOrigin
    session: PromptSession
    warnings: tuple[str, ...] = ()

    @property
    def model(self) -> models.Model:
        """The model."""
        return self.session.table.run.model

    @property
    def requirements(self) -> tuple[object, ...]:
        """The requirements of the circuit that this was opened for."""
        return self.origin.requirements

    @property
    def task_hash(self) -> str:
        """Hash of what a measurement depends on beside the edges: tokens, target and dictionaries."""
        return self.session.query_hash(self.origin.query)

    @property
    def dictionaries(self) -> Sequence[features.Dictionary]:
        """The dictionaries that were opened with the prompt."""
        return self.session.dictionaries

    @cached_property
    def claim_setting(self) -> discovery.TaskSetting | None:
        """The prompt with its corrupted partner as a task of one pair; None where it has none."""
        return prompt_pair_setting(self.origin.query, self.model)

    def bench(self) -> features.PromptBench:
        """Return the bench that circuits of the prompt are measured on; it is made once for each target."""
        self.session.set_target(self.origin.query)
        return open_bench(self.session)

    def evaluate(self, circuit: Circuit, interventions: Interventions | None = None) -> Evaluation:
        """Measure a circuit's faithfulness on the prompt, judged by its nodes.

        Args:
            circuit: A circuit of the prompt's nodes.
            interventions: What nodes are made to write instead of their own output, by name.
        """
        state = State(self.origin, circuit=circuit, interventions=interventions or {})
        return run_to_completion(self.evaluate_state_steps(state))

    def evaluate_state_steps(self, state: State) -> ProgressSteps[Evaluation]:
        """Measure a document's state: its circuit without what is ablated, with its changed nodes."""
        request = PromptEvaluationRequest.from_state(replace(state, origin=self.origin))
        if request is None:
            raise InputError("There is no circuit to measure; find or import one first.")
        self.session.set_target(request.query)
        return evaluate_prompt_request(self.session, request)

    def read(self, node: str) -> PromptNodeReading:
        """Read a node of the prompt: its activation, its share of its site, a feature's tokens."""
        return read_prompt_node(self.session, node)
