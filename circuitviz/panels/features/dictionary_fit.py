"""What is said of the dictionaries that are open: how many there are, and how well each fits the model."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from circuitviz.workbench.requests.feature_dashboards import DictionaryOverview


class DictionaryFitLabel(QLabel):
    """A sentence on how the dictionary that is chosen fits the model, in the colour of warnings if badly."""

    def __init__(self) -> None:
        super().__init__("", objectName="muted", wordWrap=True)
        self.hide()

    def show_fit(self, overview: DictionaryOverview | None, site: str) -> None:
        """Of what is open at a site; nothing is shown where nothing is open."""
        text = "" if overview is None else describe_fit(overview, site)
        self.setText(text)
        self.setObjectName(
            "warning" if overview is not None and site in overview.misfit_warnings else "muted"
        )
        self.style().polish(self)
        self.setVisible(bool(text))


def describe_dictionaries(overview: DictionaryOverview, is_indexing: bool) -> str:
    """One line: features and dictionaries, the text that is indexed, and which sites' fit is warned of."""
    count = len(overview.sites)
    kind = "1 dictionary" if count == 1 else f"{count} dictionaries"
    parts = [f"{sum(overview.sites.values()):,} features of {kind}"]
    if is_indexing:
        parts.append("indexing …")
    elif overview.text_name:
        parts.append(f"{overview.text_name}, {overview.n_tokens:,} tokens")
    if overview.misfit_warnings:
        parts.append(f"warning about {', '.join(overview.misfit_warnings)}")
    return " · ".join(parts)


def describe_fit(overview: DictionaryOverview, site: str) -> str:
    """One sentence on how a site's dictionary fits the model; empty where none is open there."""
    if site not in overview.sites:
        return ""
    left = overview.unexplained_variance.get(site)
    if left is None:
        return f"How the dictionary of {site} fits was not measured: the model cannot read the sample text."
    return overview.misfit_warnings.get(site) or (
        f"The dictionary of {site} leaves {left:.1%} of the variance unexplained on sample text."
    )
