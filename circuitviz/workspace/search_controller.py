"""What a search shows while it runs, what it puts in place of the open circuit, and what it only offers.

Every circuit that a search finds becomes a document of its own, without a file, so that nothing of the
circuit before can be shown with it or saved over; one step of undo leads back to the document before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Origin
from circuitviz.document.origin import subject_relation
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import DiscoverPromptCircuit
from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.switch_basis import BasisSwitched, SwitchBasis
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.notifier import Notifier


@dataclass(frozen=True)
class ResultOffer:
    """A result that replaces nothing until the person asks for it.

    Attributes:
        message: What it is.
        action_text: What the button that accepts it says.
        command: Puts it into a document.
        origin: Where the circuit comes from.
    """

    message: str
    action_text: str
    command: Command
    origin: Origin


class SearchController(QObject):
    """The search that is under way.

    Attributes:
        is_running: Whether a search was asked for and has not ended.
        pending_offer: A result that waits for the person.
        confirm_replace: Asks the person before unsaved work makes way for a circuit of something else.
    """

    offer_changed = Signal()
    search_finished = Signal()  # whatever else still runs
    result_placed = Signal(object)  # Origin of a circuit that is in the document now: its model is open
    offer_accepted = Signal()

    def __init__(
        self, documents: DocumentSwitcher, notifier: Notifier, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._documents, self._notifier = documents, notifier
        self.pending_offer: ResultOffer | None = None
        self.is_running = False
        self.confirm_replace: Callable[[], bool] = lambda: True
        self._agreed_revision: tuple[object, ...] = ()  # the state of the work that may be replaced
        self._is_example = False

    def begin_search(self, relation: int, is_example: bool = False) -> bool:
        """Agree to a search.

        Args:
            relation: How near its circuit will be to the open one (``subject_relation``).
            is_example: It can be had again with one click, and does not count as unsaved work.

        Returns:
            False where the person rather keeps unsaved work.
        """
        document = self._documents.user_document
        if document.would_lose_work(relation) and not self.confirm_replace():
            return False
        self._agreed_revision, self._is_example, self.is_running = document.revision, is_example, True
        self.withdraw_offer()
        return True

    def on_result(self, result: SearchResult) -> None:
        """Show a partial result; put the last one in place, or offer it."""
        if result.partial and not result.cancelled:
            successor = self._documents.user_document.create_successor(result.command(), result.origin)
            self._documents.show_partial_result(successor, result)
            return
        was_shown = self._documents.restore_user_document()
        self.is_running = False
        if isinstance(result, BasisSwitched):
            self.result_placed.emit(result.origin)
            self._documents.apply_command(result.command())
        elif result.cancelled and self._documents.user_document.state.circuit is not None:
            message = f"The search with {result.scores.method} ended early: {result.last_step}."
            offer = ResultOffer(message, "Show the partial result", result.command(), result.origin)
            self._set_offer(offer, was_shown)
            self._notifier.post_message("The search was cancelled; its partial result can be shown.")
            return
        elif not self.place_result(result.command(), result.origin, was_shown):
            return
        self.search_finished.emit()
        source_text = "in the partial result" if result.cancelled else "found"
        self._notifier.post_message(
            f"{result.circuit.n_edges:,} edges {source_text}. {result.circuit.note}".strip()
        )

    def place_result(self, command: Command, origin: Origin, is_partial_shown: bool = False) -> bool:
        """Put a search's circuit into a document of its own.

        Args:
            command: Puts the circuit into a document.
            origin: Where the circuit comes from.
            is_partial_shown: A partial result is on the screen.

        Returns:
            False where the circuit is only offered: work that it does not take along came to the open
            document after the search was agreed to.
        """
        document = self._documents.user_document
        relation = subject_relation(origin, document.state.origin)
        if document.would_lose_work(relation) and document.revision != self._agreed_revision:
            message = (
                f"A circuit of {origin.model} on {origin.task} was found. "
                "This document has changes that are not saved."
            )
            self._set_offer(ResultOffer(message, "Show the circuit", command, origin), is_partial_shown)
            return False
        self._documents.announce_leaving()
        successor = document.create_successor(command, origin)
        if self._is_example:
            successor.treat_as_saved()
        self.result_placed.emit(origin)
        self._documents.push_document(successor, command.text)
        return True

    def accept_offer(self) -> None:
        """Put what is offered in place of the open circuit; unsaved work is asked about first."""
        offer, document = self.pending_offer, self._documents.user_document
        if offer is None or self.is_running:
            return
        relation = subject_relation(offer.origin, document.state.origin)
        if document.would_lose_work(relation) and not self.confirm_replace():
            return
        self._agreed_revision, self._is_example = document.revision, False
        self.withdraw_offer()
        self.place_result(offer.command, offer.origin)
        self.offer_accepted.emit()

    def withdraw_offer(self) -> None:
        """Nothing is offered any more."""
        if self.pending_offer is not None:
            self.pending_offer = None
            self.offer_changed.emit()

    def on_failure(self, request: Request | None) -> None:
        """A job failed; where it was the search, nothing of it stays on the screen."""
        if isinstance(request, DiscoverCircuit | DiscoverPromptCircuit | SwitchBasis):
            self.end_search()

    def end_search(self) -> None:
        """No search runs any more; where one failed, the circuit from before is on the screen again."""
        self.is_running = False
        if self._documents.restore_user_document():
            self._documents.show_user_document()

    def discard_search(self) -> None:
        """Another document is opened: whatever was searched in the one before is void."""
        self._documents.restore_user_document()
        self.is_running = False
        self.withdraw_offer()

    def _set_offer(self, offer: ResultOffer, is_partial_shown: bool) -> None:
        self.pending_offer = offer
        self.offer_changed.emit()
        self.search_finished.emit()
        if is_partial_shown:
            self._documents.show_user_document()
