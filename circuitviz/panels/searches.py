"""What a search shows while it runs, what it puts in place of the open circuit, and what it only offers.

Every circuit that a search finds is a document of its own, without a file, so that nothing of the circuit
before can be shown with it or saved over; one step of undo leads back to the document before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.jobs import AskQuestion, Find, Found, Request
from circuitviz.jobs.switch_basis import SwitchBasis, Switched
from circuitviz.session import Command, Document, Provenance
from circuitviz.session.question import kin_of

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


@dataclass(frozen=True)
class Offer:
    """A result that replaces nothing until a person asks for it: what it is, and how to put it there."""

    text: str
    action: str
    command: Command
    provenance: Provenance


class Searches(QObject):
    """The search that is under way. ``changed`` tells that ``offer`` is another now.

    ``may_replace`` asks a person before unsaved work makes way for a circuit of something else.
    """

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self.preview: Found | None = None
        self.offer: Offer | None = None
        self.under_way = False
        self.may_replace: Callable[[], bool] = lambda: True
        self._aside: Document | None = None  # a person's document, while a partial result is on the screen
        self._agreed: tuple[object, ...] = ()  # the state of the work that may be replaced
        self._example = False

    @property
    def own(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.desk.document if self._aside is None else self._aside

    def begin(self, kin: int, example: bool = False) -> bool:
        """A search is asked for; False where a person wants to keep unsaved work in sight instead.

        kin: how near its circuit will be to the open one (``question.kin_of``); example: it can be had
        again with one click, and does not count as unsaved work.
        """
        if self.own.leaves_behind(kin) and not self.may_replace():
            return False
        self._agreed, self._example, self.under_way = self.own.revision, example, True
        self.withdraw()
        return True

    def take(self, found: Found) -> None:
        """A partial result is shown; the whole, or what a search that ended early had, is put or offered."""
        if found.partial and not found.cancelled:
            self._show(found)
            return
        early = found.cancelled
        shown = self._drop_preview()
        self.under_way = False
        if isinstance(found, Switched):
            self.desk.asking.came(found.provenance)
            self.desk.do(found.command())
        elif early and self.own.state.circuit is not None:
            text = f"The search with {found.scores.method} ended early: {found.reached}."
            self._offer(Offer(text, "Show the partial result", found.command(), found.provenance), shown)
            self.desk.say("The circuit on the screen stays; the partial result of the search can be shown")
            return
        elif not self.put(found.command(), found.provenance, shown):
            return
        self.desk.searched.emit()
        kept = "in the partial result" if early else "found"
        self.desk.say(f"{found.circuit.n_edges:,} edges {kept}. {found.circuit.note}".strip())

    def put(self, command: Command, where: Provenance, shown: bool = False) -> bool:
        """Put a search's circuit into a document of its own; False where it is only offered.

        That is so where work came to the open document after the search was agreed to, which the circuit
        does not take along. shown: a partial result is on the screen.
        """
        own = self.own
        if own.leaves_behind(kin_of(where, own.state.provenance)) and own.revision != self._agreed:
            told = f"A circuit of {where.model} on {where.task} was found."
            text = f"{told} Changes made here meanwhile are not saved."
            self._offer(Offer(text, "Show the circuit", command, where), shown)
            return False
        self.desk.documents.leave()
        made = own.successor(command, where)
        if self._example:
            made.count_as_saved()
        self.desk.asking.came(where)
        self.desk.documents.turn_to(made, command.text)
        return True

    def accept(self) -> None:
        """Put what is offered in place of the open circuit; unsaved work is asked about first."""
        offer = self.offer
        if offer is None:
            return
        kin = kin_of(offer.provenance, self.own.state.provenance)
        if self.under_way or (self.own.leaves_behind(kin) and not self.may_replace()):
            return
        self._agreed, self._example = self.own.revision, False
        self.withdraw()
        self.put(offer.command, offer.provenance)
        self.desk.asking.begin(searching=False)  # another search may have opened something else since
        self.desk.asking.adopt(self.desk.document.state)

    def withdraw(self) -> None:
        """Nothing is offered any more."""
        if self.offer is not None:
            self.offer = None
            self.changed.emit()

    def failed(self, request: Request | None) -> None:
        """A job failed; where it was the search, the circuit from before is on the screen again."""
        if isinstance(request, Find | AskQuestion | SwitchBasis):
            self.over()

    def over(self) -> None:
        """No search runs any more."""
        self.under_way = False
        if self._drop_preview():
            self.desk.documents.come_back()

    def forget(self) -> None:
        """Another document is opened: whatever was searched in the one before is void."""
        self._drop_preview()
        self.under_way = False
        self.withdraw()

    def interrupt(self) -> bool:
        """A person goes to another step of undo meanwhile; whether a partial result was on the screen."""
        return self._drop_preview()

    def _show(self, found: Found) -> None:
        """The partial result is a document too, so that nothing of the person's own is shown with it."""
        begins = self._aside is None
        if begins:
            self.desk.documents.leave()
            self._aside = self.desk.document
        made = self.own.successor(found.command(), found.provenance)
        self.preview = found
        self.desk.documents.show_partial(made, begins)

    def _offer(self, offer: Offer, shown: bool) -> None:
        self.offer = offer
        self.changed.emit()
        self.desk.searched.emit()
        if shown:
            self.desk.documents.come_back()

    def _drop_preview(self) -> bool:
        """The person's document is the desk's again, though nobody is told yet; whether it was not."""
        if self._aside is None:
            return False
        self.desk.document, self._aside, self.preview = self._aside, None, None
        return True
