"""Modules that are loaded when they are first used."""

from __future__ import annotations

import copy
import importlib
import os
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import circuitviz as cv
from circuitviz.__main__ import main
from circuitviz.cli import cmd_open, run
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
    """A package and modules on the path, whose imports are deferred, as in a process of one thread and one command."""
    monkeypatch.setattr(deferred_imports, "_is_allowed", True)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
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
def test_what_is_not_installed_fails_as_ever() -> None:
    with defer_imports(), pytest.raises(ModuleNotFoundError):
        importlib.import_module("absent_module")


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("reason", ["nobody allowed it", "another thread runs", "the environment's switch"])
def test_nothing_is_deferred_where_it_may_not_be(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason == "nobody allowed it":
        monkeypatch.setattr(deferred_imports, "_is_allowed", False)
    elif reason == "another thread runs":
        monkeypatch.setattr(threading, "active_count", lambda: 2)
    else:
        monkeypatch.setenv(SWITCH, "0")
    finders = sys.meta_path
    with defer_imports():
        assert sys.meta_path is finders and not placeholders()
        user = importlib.import_module("user_of_them")
    assert user.plain(1) == 101 and user.twice is sys.modules["slowly.listed"].twice


@pytest.mark.usefixtures("modules")
def test_a_list_of_finders_that_an_import_goes_through_stays_as_it_is() -> None:
    lists = [sys.meta_path]
    copies = [list(sys.meta_path)]
    with defer_imports():
        lists.append(sys.meta_path)
        copies.append(list(sys.meta_path))
    assert lists == copies and sys.meta_path == lists[0] and len(lists[1]) == len(lists[0]) + 1


@pytest.mark.usefixtures("modules")
def test_what_is_copied_or_pickled_is_the_function_or_class_itself() -> None:
    with defer_imports():
        user = importlib.import_module("user_of_them")
    assert isinstance(user.twice, DeferredName) and isinstance(user.Base, DeferredName)
    pickled = pickle.dumps([user.twice, user.Base])
    assert b"circuitviz" not in pickled and "slowly.listed" not in sys.modules
    twice, base = pickle.loads(pickled)  # noqa: S301  # what this test has pickled
    listed = importlib.import_module("slowly.listed")
    assert twice is listed.twice and base is listed.Base
    assert copy.deepcopy({"base": user.Base})["base"] is listed.Base is copy.copy(user.Base)


@pytest.mark.usefixtures("modules")
def test_one_within_another_leaves_the_outer_ones_placeholders() -> None:
    with defer_imports():
        with defer_imports():
            pass
        assert isinstance(importlib.import_module("slowly.listed"), deferred_imports.ModulePlaceholder)
    assert "slowly.listed" not in sys.modules


@pytest.mark.parametrize("name", deferred_imports.DEFERRED_NAMES)
def test_listed_names_are_there(name: str) -> None:
    module = importlib.import_module(name)
    listed = (*deferred_imports.DEFERRED_NAMES[name], *deferred_imports.DEFERRED_DECORATORS.get(name, ()))
    assert all(callable(getattr(module, listed_name)) for listed_name in listed)


def placeholders() -> list[str]:
    """Names of the modules that have one now."""
    return [
        name for name, module in sys.modules.items() if isinstance(module, deferred_imports.ModulePlaceholder)
    ]


def test_other_programs_and_the_window_never_defer(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_window(_args: object) -> int:
        cv.load_model("demo")
        return 0

    added: list[str] = []
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(deferred_imports, "_add_placeholder", added.append)
    monkeypatch.setattr(deferred_imports, "_is_allowed", False)  # for what is set here to be undone
    monkeypatch.setattr(cmd_open, "run", open_window)
    assert run(["--model", "demo"], owns_process=True) == 0  # the window's command
    assert main(["check-task", "-t", "ioi", "--prompts", "2"]) == 0  # called by another program
    assert not added and not deferred_imports._is_allowed
    assert run(["list", "models"], owns_process=True) == 0
    cv.load_model("demo")
    assert added == list(deferred_imports.DEFERRED_NAMES)


IN_A_FRESH_PROCESS = """
import sys
from circuitviz.__main__ import main
path = sys.argv.pop()
sys.argv[1:] = [*"discover -m demo -t induction --prompts 2 --method eap --edges 20 -o".split(), path]
assert main() == 0
deferred = "scipy.optimize pandas datasets sympy torch._dynamo torch.distributed.tensor".split()
print([name for name in deferred if name in sys.modules])
from transformers.loss.loss_for_object_detection import linear_sum_assignment
print(linear_sum_assignment([[9.0, 1.0], [2.0, 9.0]])[1].tolist(), "scipy.optimize" in sys.modules)
"""


def test_a_command_loads_nothing_that_opening_a_model_and_a_search_do_not_need(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path / "found.circuit")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-2:] == ["[]", "[1, 0] True"], ran.stderr


def test_transformers_lists_the_same_classes_where_it_reads_less(tmp_path: Path) -> None:
    """The list of all models' classes, made with and without what lets it read less."""
    code = (
        "import sys, json; from circuitviz.models import deferred_imports as d\n"
        "d.allow_deferred_imports()\n"
        "with d.defer_imports(): import transformers.models\n"
        "names = {n: m for n, m in transformers._class_to_module.items()}\n"
        "print(json.dumps(names, sort_keys=True), transformers.utils.import_utils.fetch__all__.__qualname__)\n"
    )
    told = {}
    for switch in ("0", "1"):
        environment = {**os.environ, SWITCH: switch}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told[switch], function = done.stdout.rsplit(" ", 1)
        assert function.strip().endswith("read_names_from_all") == (switch == "1")
    assert told["0"] == told["1"] and "GPT2LMHeadModel" in told["1"]
