"""Modules that are loaded when they are first used."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuitviz.models import deferred_imports
from circuitviz.models.deferred_imports import SWITCH, DeferredName, defer_imports

MODULES = {
    "slowly/__init__.py": "from slowly.inner import count\nloads = count()\nclass Shape: pass\n",
    "slowly/inner.py": "made = []\ndef count():\n    made.append(1)\n    return len(made)\n",
    "slowly/listed.py": "def twice(x):\n    return 2 * x\nclass Base:\n    value = 7\nTABLE = {1: 2}\n",
    "compiler.py": "def disable(function=None, by=1):\n    if function is None:\n        return lambda f: disable(f, by)\n    return lambda *a: function(*a) + 100 * by\n",
    "user_of_them.py": (
        "import slowly, compiler\nfrom slowly import Shape\nfrom slowly.listed import twice, Base\n"
        "@compiler.disable\ndef plain(x): return x\n@compiler.disable(by=2)\ndef by_two(x): return x\n"
    ),
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package and modules on the path, whose imports are deferred."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    names = {
        "slowly": ("Shape",),
        "slowly.listed": ("twice", "Base"),
        "compiler": (),
        "absent_module": ("x",),
    }
    monkeypatch.setattr(deferred_imports, "DEFERRED_NAMES", names)
    monkeypatch.setattr(deferred_imports, "DEFERRED_DECORATORS", {"compiler": ("disable",)})
    yield
    for name in [m for m in sys.modules if m.partition(".")[0] in ("slowly", "compiler", "user_of_them")]:
        del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_a_listed_name_loads_its_module_when_it_is_used() -> None:
    with defer_imports():
        user = importlib.import_module("user_of_them")
    assert not {"slowly", "slowly.listed", "slowly.inner", "compiler"} & set(sys.modules)
    assert isinstance(user.twice, DeferredName)
    assert not isinstance(7, user.Base) and not issubclass(int, user.Shape)
    assert "slowly.listed" not in sys.modules  # nothing can be an instance of what is not defined
    assert user.twice(4) == 8
    listed = importlib.import_module("slowly.listed")
    assert user.slowly.listed is listed and user.slowly.loads == 1
    assert isinstance(listed.Base(), user.Base) and issubclass(listed.Base, (int, user.Base))
    assert types.new_class("Derived", (user.Base,)).__mro__[1] is listed.Base
    assert user.Base.value == 7 and isinstance(user.Base(), user.Base | None)


@pytest.mark.usefixtures("modules")
def test_any_other_name_or_module_loads_at_once() -> None:
    with defer_imports():
        table = importlib.import_module("slowly.listed").TABLE
    assert table == {1: 2} and sys.modules["slowly.listed"].TABLE is table


@pytest.mark.usefixtures("modules")
def test_a_module_of_a_package_that_has_a_placeholder_is_loaded_once() -> None:
    with defer_imports():
        made = importlib.import_module("slowly.inner").made
    slowly = importlib.import_module("slowly")
    assert made == [1] and slowly.loads == 1
    assert sys.modules["slowly.inner"] is slowly.inner
    assert slowly.inner.__spec__.origin == slowly.inner.__file__


@pytest.mark.usefixtures("modules")
def test_a_decorator_takes_effect_when_its_module_is_loaded() -> None:
    with defer_imports():
        user = importlib.import_module("user_of_them")
    assert (user.plain(1), user.by_two(1)) == (1, 1)
    assert "compiler" not in sys.modules
    importlib.import_module("compiler")
    assert (user.plain(1), user.by_two(1)) == (101, 201)


@pytest.mark.usefixtures("modules")
def test_what_is_not_installed_fails_as_ever_and_the_switch_loads_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with defer_imports(), pytest.raises(ModuleNotFoundError):
        importlib.import_module("absent_module")
    monkeypatch.setenv(SWITCH, "0")
    with defer_imports():
        user = importlib.import_module("user_of_them")
    assert user.plain(1) == 101 and "slowly.listed" in sys.modules


@pytest.mark.usefixtures("modules")
def test_one_within_another_leaves_the_outer_ones_placeholders() -> None:
    with defer_imports():
        with defer_imports():
            pass
        assert isinstance(importlib.import_module("slowly.listed"), deferred_imports.Placeholder)
    assert "slowly.listed" not in sys.modules


@pytest.mark.parametrize("name", deferred_imports.DEFERRED_NAMES)
def test_listed_names_are_there(name: str) -> None:
    module = importlib.import_module(name)
    listed = (*deferred_imports.DEFERRED_NAMES[name], *deferred_imports.DEFERRED_DECORATORS.get(name, ()))
    assert all(callable(getattr(module, listed_name)) for listed_name in listed)


IN_A_FRESH_PROCESS = """
import sys
import circuitviz as cv
model = cv.load_model("demo")
cv.discover(model, cv.load_task("induction", model, prompts=2), "eap")
deferred = "scipy.optimize pandas datasets sympy torch._dynamo torch.distributed.tensor".split()
print([name for name in deferred if name in sys.modules])
from transformers.loss.loss_for_object_detection import linear_sum_assignment
print(linear_sum_assignment([[9.0, 1.0], [2.0, 9.0]])[1].tolist(), "scipy.optimize" in sys.modules)
"""


def test_opening_a_model_and_a_search_load_nothing_that_they_do_not_need() -> None:
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["[]", "[1, 0] True"], ran.stderr
