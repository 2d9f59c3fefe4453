"""A registry is asked by the window and by the worker at the same time, and neither sees half of it."""

from __future__ import annotations

import builtins
import threading
from pathlib import Path

import pytest

from circuitviz.registry import Registry

REGISTERS = """
import builtins
{before}
builtins.walked_registry.register("{name}", summary="")(None)
"""


@pytest.fixture
def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[None]:
    """Of a package whose second module says that its import has begun, and then takes its time."""
    package = tmp_path / "walked_package"
    package.mkdir()
    (package / "__init__.py").touch()
    slow = "builtins.walked_begun.set(); assert builtins.walked_gate.wait(60)"
    for name, before in (("first", ""), ("second", slow), ("third", "")):
        (package / f"{name}.py").write_text(REGISTERS.format(name=name, before=before), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found: Registry[None] = Registry("thing", package.name, "walked.none")
    for name, what in (("registry", found), ("begun", threading.Event()), ("gate", threading.Event())):
        monkeypatch.setattr(builtins, f"walked_{name}", what, raising=False)
    return found


def test_a_second_thread_sees_all_or_waits(walked: Registry[None]) -> None:
    begun: threading.Event = builtins.walked_begun  # type: ignore[attr-defined]
    gate: threading.Event = builtins.walked_gate  # type: ignore[attr-defined]
    seen: list[list[str]] = []
    threads = [threading.Thread(target=lambda: seen.append(walked.names())) for _ in range(2)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    threads[1].join(0.3)  # long enough to come back with half, as it would if it did not wait
    gate.set()
    for thread in threads:
        thread.join(60)
    assert seen == [["first", "second", "third"]] * 2
    assert not walked.import_errors


def test_no_export_of_a_package_is_hidden_by_a_module_of_its_name() -> None:
    """Loading a submodule sets it as an attribute of its package, over what that has imported from elsewhere."""
    import importlib
    import pkgutil
    from types import ModuleType

    import circuitviz

    for found in pkgutil.walk_packages(circuitviz.__path__, "circuitviz."):
        if found.ispkg and found.name != "circuitviz.shell":
            package = importlib.import_module(found.name)
            modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
            for name in set(getattr(package, "__all__", ())) & modules:
                importlib.import_module(f"{found.name}.{name}")
                assert not isinstance(getattr(package, name), ModuleType), f"{found.name}.{name}"
