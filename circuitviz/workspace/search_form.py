"""What the next search is to be made with, set by the form, by commands and by dropped files alike."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from circuitviz.dtypes import AUTO_DTYPE


class SearchForm(QObject):
    """Model, task, prompts, device and precision of the next search; whoever shows them follows ``changed``.

    Attributes:
        model: ``demo``, a Hugging Face name, or a folder.
        task: A task's name, or a file.
        device: ``cpu`` or ``cuda``.
        dtype: The precision that weights are kept in, one of ``DTYPE_CHOICES``.
        n_prompts: The number of pairs of prompts.
    """

    changed = Signal()
    search_requested = Signal(bool)  # whether it is an example, which does not count as unsaved work
    task_list_changed = Signal()  # there is another set of own prompts
    model_folder_requested = Signal()  # let the person choose one
    task_file_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model, self.task, self.device, self.dtype = "demo", "ioi", "cpu", AUTO_DTYPE
        self.n_prompts = 64

    def set(
        self,
        *,
        model: str | None = None,
        task: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        n_prompts: int | None = None,
    ) -> None:
        """Change what is given, and tell whoever shows it."""
        given = {"model": model, "task": task, "device": device, "dtype": dtype, "n_prompts": n_prompts}
        changes = {name: value for name, value in given.items() if value not in (None, getattr(self, name))}
        for name, value in changes.items():
            setattr(self, name, value)
        if changes:
            self.changed.emit()

    def start(self, is_example: bool = False) -> None:
        """Search with what the form says."""
        self.search_requested.emit(is_example)
