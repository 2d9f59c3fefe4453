"""What a search shows while it runs, what it puts in place of the open circuit, and what it only offers.

Every circuit that a search finds is a document of its own, without a file, so that nothing of the circuit
before can be shown with it or saved over; one step of undo leads back to the document before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Document, Provenance
from circuitviz.document.attribution_query import subject_relation
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import DiscoverPromptCircuit
from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.switch_basis import BasisSwitched, SwitchBasis

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


@dataclass(frozen=True)
class ResultOffer:
    """A result that replaces nothing until a person asks for it: what it is, and how to put it there."""

    message: str
    action_text: str
    command: Command
    provenance: Provenance


class SearchController(QObject):
    """The search that is under way. ``offer_changed`` tells that ``offer`` is another now.

    ``confirm_replace`` asks a person before unsaved work makes way for a circuit of something else.
    """

    offer_changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.partial_result: SearchResult | None = None
        self.offer: ResultOffer | None = None
        self.is_running = False
        self.confirm_replace: Callable[[], bool] = lambda: True
        self._hidden_document: Document | None = (
            None  # a person's document, while a partial result is on the screen
        )
        self._agreed_revision: tuple[object, ...] = ()  # the state of the work that may be replaced
        self._is_example = False

    @property
    def user_document(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.workspace.document if self._hidden_document is None else self._hidden_document

    def begin_search(self, relation: int, is_example: bool = False) -> bool:
        """A search is asked for; False where a person wants to keep unsaved work in sight instead.

        relation: how near its circuit will be to the open one (``question.kin_of``); example: it can be had
        again with one click, and does not count as unsaved work.
        """
        if self.user_document.would_lose_work(relation) and not self.confirm_replace():
            return False
        self._agreed_revision, self._is_example, self.is_running = (
            self.user_document.revision,
            is_example,
            True,
        )
        self.withdraw_offer()
        return True

    def on_result(self, result: SearchResult) -> None:
        """A partial result is shown; the whole, or what a search that ended early had, is put or offered."""
        if result.partial and not result.cancelled:
            self._show_partial_result(result)
            return
        early = result.cancelled
        shown = self._restore_user_document()
        self.is_running = False
        if isinstance(result, BasisSwitched):
            self.workspace.prompt_circuits.on_opened(result.provenance)
            self.workspace.apply_command(result.command())
        elif early and self.user_document.state.circuit is not None:
            text = f"The search with {result.scores.method} ended early: {result.last_step}."
            self._set_offer(
                ResultOffer(text, "Show the partial result", result.command(), result.provenance), shown
            )
            self.workspace.post_message(
                "The circuit on the screen stays; the partial result of the search can be shown"
            )
            return
        elif not self.place_result(result.command(), result.provenance, shown):
            return
        self.workspace.search_finished.emit()
        kept = "in the partial result" if early else "found"
        self.workspace.post_message(f"{result.circuit.n_edges:,} edges {kept}. {result.circuit.note}".strip())

    def place_result(self, command: Command, origin: Provenance, is_partial_shown: bool = False) -> bool:
        """Put a search's circuit into a document of its own; False where it is only offered.

        That is so where work came to the open document after the search was agreed to, which the circuit
        does not take along. shown: a partial result is on the screen.
        """
        own = self.user_document
        if (
            own.would_lose_work(subject_relation(origin, own.state.provenance))
            and own.revision != self._agreed_revision
        ):
            told = f"A circuit of {origin.model} on {origin.task} was found."
            text = f"{told} Changes made here meanwhile are not saved."
            self._set_offer(ResultOffer(text, "Show the circuit", command, origin), is_partial_shown)
            return False
        self.workspace.document_switcher.announce_leaving()
        made = own.create_successor(command, origin)
        if self._is_example:
            made.treat_as_saved()
        self.workspace.prompt_circuits.on_opened(origin)
        self.workspace.document_switcher.push_document(made, command.text)
        return True

    def accept_offer(self) -> None:
        """Put what is offered in place of the open circuit; unsaved work is asked about first."""
        offer = self.offer
        if offer is None:
            return
        kin = subject_relation(offer.provenance, self.user_document.state.provenance)
        if self.is_running or (self.user_document.would_lose_work(kin) and not self.confirm_replace()):
            return
        self._agreed_revision, self._is_example = self.user_document.revision, False
        self.withdraw_offer()
        self.place_result(offer.command, offer.provenance)
        self.workspace.prompt_circuits.reset(
            is_searching=False
        )  # another search may have opened something else since
        self.workspace.prompt_circuits.ensure_opened(self.workspace.document.state)

    def withdraw_offer(self) -> None:
        """Nothing is offered any more."""
        if self.offer is not None:
            self.offer = None
            self.offer_changed.emit()

    def on_failure(self, request: Request | None) -> None:
        """A job failed; where it was the search, the circuit from before is on the screen again."""
        if isinstance(request, DiscoverCircuit | DiscoverPromptCircuit | SwitchBasis):
            self.on_idle()

    def on_idle(self) -> None:
        """No search runs any more."""
        self.is_running = False
        if self._restore_user_document():
            self.workspace.document_switcher.show_user_document()

    def discard_search(self) -> None:
        """Another document is opened: whatever was searched in the one before is void."""
        self._restore_user_document()
        self.is_running = False
        self.withdraw_offer()

    def drop_partial_result(self) -> bool:
        """A person goes to another step of undo meanwhile; whether a partial result was on the screen."""
        return self._restore_user_document()

    def _show_partial_result(self, result: SearchResult) -> None:
        """The partial result is a document too, so that nothing of the person's own is shown with it."""
        begins = self._hidden_document is None
        if begins:
            self.workspace.document_switcher.announce_leaving()
            self._hidden_document = self.workspace.document
        made = self.user_document.create_successor(result.command(), result.provenance)
        self.partial_result = result
        self.workspace.document_switcher.show_partial_result(made, begins)

    def _set_offer(self, offer: ResultOffer, is_partial_shown: bool) -> None:
        self.offer = offer
        self.offer_changed.emit()
        self.workspace.search_finished.emit()
        if is_partial_shown:
            self.workspace.document_switcher.show_user_document()

    def _restore_user_document(self) -> bool:
        """The person's document is the desk's again, though nobody is told yet; whether it was not."""
        if self._hidden_document is None:
            return False
        self.workspace.document, self._hidden_document, self.partial_result = (
            self._hidden_document,
            None,
            None,
        )
        return True
