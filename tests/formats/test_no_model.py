"""Looking at a file needs neither model nor network: torch is not even imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import socket, sys
from pathlib import Path
def refuse(*given, **named):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
folder = Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import mutations
from circuitviz.formats import export_document, import_document, open_document
for name, data in {suffix: data for suffix, data in mutations.seeds(folder)}.items():
    if name not in (".nodes.csv", ".csv"):
        (folder / f"again{name}").write_bytes(data)
        assert import_document(folder / f"again{name}").state.circuit is not None
document = open_document(folder / "heads.circuit")
assert document.state.origin is not None, "a circuit that names its model"
if sys.argv[3] == "window":
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication
    app = QApplication([])
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    from circuitviz.shell.main_window import MainWindow
    from circuitviz.paint import save_figure
    from circuitviz.shapes.figure_options import FigureOptions
    window = MainWindow()
    window.show()
    window.file_controller.open_path(folder / "heads.circuit")  # the worker, which would load the model, is not started
    import time
    end = time.monotonic() + 60
    while not window.view.circuit_scene.nodes and time.monotonic() < end:
        app.processEvents()
    assert window.view.circuit_scene.nodes, "nothing is drawn"
    assert not window.grab().isNull()
    save_figure(document, folder / "a.svg", FigureOptions())
    window.close()
heavy = {"torch", "transformers", "transformer_lens", "sae_lens"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("how", ["files", "window"])
def test_looking_imports_no_torch_and_asks_no_network(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", LOOK, str(tmp_path), str(Path(__file__).parent), how]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
