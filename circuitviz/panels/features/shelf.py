"""What is said of the dictionaries that are open: how many there are, and how well each fits the model."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from circuitviz.jobs.features import Shelf


class FitLabel(QLabel):
    """A sentence on how the dictionary that is chosen fits the model, in the colour of warnings if badly."""

    def __init__(self) -> None:
        super().__init__("", objectName="muted", wordWrap=True)
        self.hide()

    def show_fit(self, shelf: Shelf | None, site: str) -> None:
        """Of what is open at a site; nothing is shown where nothing is open."""
        text = "" if shelf is None else describe_fit(shelf, site)
        self.setText(text)
        self.setObjectName("warning" if shelf is not None and site in shelf.misfits else "muted")
        self.style().polish(self)
        self.setVisible(bool(text))


def describe_shelf(shelf: Shelf, indexing: bool) -> str:
    """One line: features and dictionaries, the text that is indexed, and which sites' fit is warned of."""
    count = len(shelf.sites)
    kind = "1 dictionary" if count == 1 else f"{count} dictionaries"
    parts = [f"{sum(shelf.sites.values()):,} features of {kind}"]
    if indexing:
        parts.append("indexing …")
    elif shelf.text:
        parts.append(f"{shelf.text}, {shelf.tokens:,} tokens")
    if shelf.misfits:
        parts.append(f"warning about {', '.join(shelf.misfits)}")
    return " · ".join(parts)


def describe_fit(shelf: Shelf, site: str) -> str:
    """One sentence on how a site's dictionary fits the model; empty where none is open there."""
    if site not in shelf.sites:
        return ""
    left = shelf.unexplained.get(site)
    if left is None:
        return f"How the dictionary of {site} fits was not measured: the model cannot read the sample text."
    return shelf.misfits.get(site) or (
        f"The dictionary of {site} leaves {left:.1%} of the variance unexplained on sample text."
    )
