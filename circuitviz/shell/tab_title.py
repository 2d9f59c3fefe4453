"""What is written of a tab: on the tab bar, above its pane and in the title of its window."""

from __future__ import annotations

from circuitviz.workspace.search_queue import SearchStatus
from circuitviz.workspace.tabs import DocumentTab, describe_tab

UNSAVED_MARK = "•"


def tab_title(tab: DocumentTab, name: str) -> str:
    """The name of a tab, what its search does, and a mark where it has unsaved work.

    Args:
        tab: The tab.
        name: Its name among the others, as of ``TabList.display_names``.
    """
    return f"{name}{_progress_text(tab)}{f' {UNSAVED_MARK}' if tab.has_unsaved_work else ''}"


def tab_tool_tip(tab: DocumentTab) -> str:
    """Where the document is saved and what it was made with."""
    return describe_tab(tab) + ("\nChanges are not saved" if tab.has_unsaved_work else "")


def _progress_text(tab: DocumentTab) -> str:
    """What the tab's search does, for its name."""
    search = tab.search
    if search is None:
        return ""
    if search.status is SearchStatus.RUNNING:
        return f" {search.progress.fraction:.0%}" if search.progress is not None else " …"
    return f" ({search.status.value})"
