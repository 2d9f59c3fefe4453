"""Describes the open dictionaries: their number, the indexed text, and how well each one fits the model."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from circuitviz.workbench.requests.feature_dashboards import DictionaryOverview


class DictionaryFitLabel(QLabel):
    """Says how well the selected dictionary fits the model; shown as a warning where it fits badly."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("muted")
        self.setWordWrap(True)
        self.hide()

    def show_fit(self, overview: DictionaryOverview | None, site: str) -> None:
        """Describe the dictionary of a site; hidden where none is open."""
        text = "" if overview is None else describe_fit(overview, site)
        self.setText(text)
        self.setObjectName(
            "warning" if overview is not None and site in overview.misfit_warnings else "muted"
        )
        self.style().polish(self)
        self.setVisible(bool(text))


def describe_dictionaries(overview: DictionaryOverview, is_indexing: bool) -> str:
    """One line with the number of features and dictionaries, the indexed text, and sites with a warning."""
    count = len(overview.sites)
    kind = "1 dictionary" if count == 1 else f"{count} dictionaries"
    parts = [f"{sum(overview.sites.values()):,} features of {kind}"]
    if is_indexing:
        parts.append("indexing …")
    elif overview.text_name:
        parts.append(f"{overview.text_name}, {overview.n_tokens:,} tokens")
    if overview.misfit_warnings:
        parts.append(f"poor fit at {', '.join(overview.misfit_warnings)}")
    return " · ".join(parts)


def describe_fit(overview: DictionaryOverview, site: str) -> str:
    """One sentence on the fit of a site's dictionary; empty where none is open there."""
    if site not in overview.sites:
        return ""
    unexplained = overview.unexplained_variance.get(site)
    if unexplained is None:
        return (
            f"The fit of the dictionary of {site} was not measured: "
            "the tokenizer cannot encode the sample text."
        )
    return overview.misfit_warnings.get(site) or (
        f"The dictionary of {site} leaves {unexplained:.1%} of the variance unexplained on the sample text."
    )
