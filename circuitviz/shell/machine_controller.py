"""Where and how models run, applied from the settings at once."""

from __future__ import annotations

from circuitviz.dtypes import set_default_offload
from circuitviz.shell.settings import Settings
from circuitviz.workbench.requests.torch_threads import SetTorchThreads
from circuitviz.workspace import Workspace


class MachineController:
    """Hands device, precision and threads on to the workspace and its search form."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def apply_settings(self, settings: Settings) -> None:
        """Use what the settings say."""
        self.set_device(settings.device)
        self.set_dtype(settings.dtype)
        set_default_offload(settings.offload)
        self.set_threads(settings.n_threads)

    def set_device(self, name: str) -> None:
        """Run models on this device from the next search on."""
        self._workspace.device = name
        self._workspace.search_form.set(device=name)

    def set_dtype(self, name: str) -> None:
        """Keep weights of models in this precision from the next search on."""
        self._workspace.dtype = name
        self._workspace.search_form.set(dtype=name)

    def set_threads(self, number: int) -> None:
        """Compute on so many threads; 0: on all cores but one."""
        self._workspace.submit_request(SetTorchThreads(number))
