"""What holds for the whole repository: layers, file sizes, the top level, what is never done."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

import circuitviz
from circuitviz.resources import resource_path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "circuitviz"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400  # a longer file wants a reason
MAX_FUNCTION_IMPORTS = (
    16  # of libraries that take long to import or may be absent, or of Qt in the command line
)
WEIGHTS_ONLY = "circuitviz/features/dictionary_formats/dunefsky.py"
IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
READ_BY_PEOPLE = "canvas commands document paint panels scene shapes shell workspace".split()
MODEL_LIBRARIES = {"torch", "transformers", "transformer_lens", "sae_lens"}


class LongFileWarning(UserWarning):
    """A file is longer than most."""


def _committed() -> list[str]:
    """The paths that git keeps, or would keep; skips where this is no checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


@dataclass
class Source:
    """What tests ask of a module's syntax tree, which is made and walked once."""

    imports: set[str] = field(default_factory=set)
    imports_in_functions: dict[int, int] = field(default_factory=dict)  # first and last line
    classes: list[str] = field(default_factory=list)
    classes_used: set[str] = field(default_factory=set)  # those that are called, or have subclasses
    timers_without_parent: list[int] = field(default_factory=list)
    numbers_formatted: list[int] = field(default_factory=list)  # lines of f-strings with '.3f', '+.2f', '.4g'
    yields_in_with: dict[str, list[str]] = field(
        default_factory=dict
    )  # generators: what stays in force meanwhile
    has_docstring: bool = False


@cache
def _source(path: Path) -> Source:
    tree, found = ast.parse(path.read_text(encoding="utf-8")), Source()
    found.has_docstring = bool(ast.get_docstring(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.imports |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, FUNCTIONS):
            lines = {n.lineno: n.end_lineno or n.lineno for n in ast.walk(node) if isinstance(n, IMPORTS)}
            found.imports_in_functions |= lines
            if contexts := _contexts_of_yields(node):
                found.yields_in_with[node.name] = contexts
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            if re.fullmatch(r"f'[+z ]*\.\d+[fg]'", ast.unparse(node.format_spec)):
                found.numbers_formatted.append(node.lineno)
        elif isinstance(node, ast.ClassDef):
            found.classes.append(node.name)
            found.classes_used |= {base.id for base in node.bases if isinstance(base, ast.Name)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.classes_used.add(node.func.id)
            if node.func.id == "QTimer" and not node.args:
                found.timers_without_parent.append(node.lineno)
    return found


def _contexts_of_yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """What a generator enters by ``with`` and is still inside of when it yields; a context manager may."""
    if any(ast.unparse(one).endswith("contextmanager") for one in function.decorator_list):
        return []
    blocks = [node for node in ast.walk(function) if isinstance(node, ast.With)]
    held = [
        block for block in blocks if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(block))
    ]
    return [ast.unparse(item.context_expr) for block in held for item in block.items]


def _imports(path: Path) -> set[str]:
    return _source(path).imports


def _files(folder: str) -> list[Path]:
    return [path for path in sorted((PACKAGE / folder).glob("*.py")) if path.stem != "__init__"]


def _place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_layers_import_only_layers_below_them() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 broken" in done.stdout


def test_imports_in_functions_are_few_and_give_their_reason() -> None:
    """Layers load their modules when a name of theirs is used, so that imports stand at the top of a module."""
    found = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for first, last in _source(path).imports_in_functions.items():
            found.append(f"{_place(path)}:{first}")
            comment = re.sub(r"# (noqa|type: ignore)[^#]*", "", lines[last - 1])
            assert "#" in comment or lines[first - 2].lstrip().startswith("#"), found[-1]
    assert len(found) <= MAX_FUNCTION_IMPORTS, "\n".join(found)


@pytest.mark.parametrize("names", ["window", "requests", "command line", "layers"])
def test_importing_loads_no_model_library(names: str) -> None:
    """The window is on the screen and the command line answers before torch is loaded."""
    modules = {
        "window": ["circuitviz.shell.main_window"],
        "requests": [f"circuitviz.workbench.requests.{p.stem}" for p in _files("workbench/requests")],
        "command line": [f"circuitviz.cli.{p.stem}" for p in _files("cli")],
        "layers": [".".join(stub.parent.relative_to(ROOT).parts) for stub in PACKAGE.rglob("__init__.pyi")],
    }[names]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"sys.exit(' '.join({MODEL_LIBRARIES!r} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]


ASK_FROM_THREADS = """
import ast, importlib, pathlib, random, sys, threading
import PySide6.QtGui  # by the first thread, as in the window: shiboken6 aborts where several import it at once
sys.setswitchinterval(1e-5)
names, errors, together = [], [], threading.Barrier(4)
for stub in map(pathlib.Path, sys.argv[1:]):
    package = ".".join(stub.parent.parts)
    imports = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
    names += [(package, alias.name) for node in imports for alias in node.names]

def ask(seed):
    order = random.Random(seed).sample(names, len(names))
    together.wait()
    for package, name in order:
        try:
            getattr(importlib.import_module(package), name)
        except Exception as error:
            errors.append(f"{package}.{name}: {error!r}")

threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(errors) or 0)
"""


@pytest.mark.long
def test_threads_may_ask_for_names_at_the_same_time() -> None:
    """The window's thread and the worker may be the first to use a layer; each name of a stub is there."""
    stubs = [str(stub.relative_to(ROOT)) for stub in sorted(PACKAGE.rglob("__init__.pyi"))]
    command = [sys.executable, "-c", ASK_FROM_THREADS, *stubs]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert len(stubs) > 10 and done.returncode == 0, done.stderr[-3000:]


def test_saelens_is_imported_where_its_releases_are_downloaded_alone() -> None:
    """All else works without it, as with TransformerLens 4, which it does not know."""
    importing = [_place(path) for path in MODULES if "sae_lens" in {n.split(".")[0] for n in _imports(path)}]
    assert importing == ["circuitviz/features/dictionary_formats/saelens.py"]


def test_jobs_know_only_qtcore() -> None:
    for path in sorted((PACKAGE / "jobs").glob("*.py")):
        qt = {name for name in _imports(path) if name.startswith("PySide6.")}
        assert all(name.split(".")[1] == "QtCore" for name in qt), _place(path)


def test_no_two_classes_share_a_name() -> None:
    """One word means one thing: whoever searches for a class finds one."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for name in _source(path).classes:
            places.setdefault(name, []).append(_place(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_file_dialogs_remember_their_folders() -> None:
    """Only the module that remembers the folder of each purpose opens a dialog for files."""
    asking = [_place(path) for path in MODULES if "PySide6.QtWidgets.QFileDialog" in _imports(path)]
    assert asking == ["circuitviz/panels/widgets/file_dialogs.py"]


def test_only_the_settings_open_what_the_system_keeps() -> None:
    """Everything else is handed them, so that a test, or another store, replaces one object."""
    opening = [_place(path) for path in MODULES if "PySide6.QtCore.QSettings" in _imports(path)]
    assert opening == ["circuitviz/shell/settings.py"]


def test_every_module_says_why_it_exists() -> None:
    for path in MODULES:
        assert not path.read_text(encoding="utf-8").strip() or _source(path).has_docstring, _place(path)
        assert path.stem not in ("utils", "helpers", "manager", "misc", "common"), _place(path)


def test_long_files_are_listed() -> None:
    """A warning, not a failure: a limit is never met by cutting one class in two."""
    sizes = {_place(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}
    long = [f"{name} ({lines} lines)" for name, lines in sizes.items() if lines > MAX_LINES]
    if long:
        warnings.warn(LongFileWarning(f"longer than {MAX_LINES} lines: {', '.join(long)}"), stacklevel=1)


def test_fields_are_of_the_classes_that_the_wheel_does_not_change() -> None:
    """All but those classes themselves: a field of Qt's own would change under a wheel that scrolls its panel."""
    own = {"QComboBox", "QSlider", "QDial", "QSpinBox", "QDoubleSpinBox"}
    paths = [path for path in MODULES if path.stem not in ("focused_wheel", "number_fields")]
    found = {_place(path): used for path in paths if (used := _source(path).classes_used & own)}
    assert not found, found


def test_numbers_have_true_minus_signs_where_people_read_them() -> None:
    """A number of the window and of figures is written by ``circuitviz.number_text``."""
    modules = [path for folder in READ_BY_PEOPLE for path in sorted((PACKAGE / folder).rglob("*.py"))]
    found = [f"{_place(path)}:{line}" for path in modules for line in _source(path).numbers_formatted]
    own_signs = [_place(path) for path in modules if 'replace("-", "−")' in path.read_text(encoding="utf-8")]
    assert not found + own_signs


def test_every_timer_has_a_parent() -> None:
    """Without one it belongs to Python, which destroys what is left in a cycle, such as that of a failed test's
    frames, on whichever thread collects garbage: Qt then crashes at its next beat."""
    paths = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
    found = {_place(path): lines for path in paths if (lines := _source(path).timers_without_parent)}
    assert not found, found


def test_nothing_outlasts_the_step_of_a_computation() -> None:
    """Other computations run between two steps: hooks on the model would change what they compute, and a block
    of the network would be theirs too."""
    held = {
        f"{_place(path)}: {name}": contexts
        for path in MODULES
        for name, contexts in _source(path).yields_in_with.items()
    }
    assert not held, held


def test_nothing_is_unpickled() -> None:
    for path in MODULES:
        imported = {name.split(".")[0] for name in _imports(path)}
        banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
        assert not imported & banned, _place(path)
        text = path.read_text(encoding="utf-8")
        if _place(path) == WEIGHTS_ONLY:  # old transcoder files, as plain data with an allow-list
            calls = re.findall(r"\btorch\.load\(.*\)", text)
            assert len(calls) == text.count("torch.load") == 1 and "weights_only=True" in calls[0]
            text = text.replace(calls[0], "")
        unsafe = r"\btorch\.(?:load|hub)\b|(?:allow_pickle|trust_remote_code)\s*=\s*True"
        assert not re.findall(unsafe, text), _place(path)


def test_the_top_level_holds_exactly_what_is_agreed() -> None:
    top = {name.split("/")[0] for name in _committed()}
    plain = {name for name in top if not name.startswith(".") or name == ".ci"}
    assert plain == {"circuitviz", "resources", "tests", "pyproject.toml", "README.md", "LICENSE", ".ci"}


def test_tests_mirror_the_package() -> None:
    layers = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"benchmarks", "real_model"}
    parts = [name.split("/") for name in _committed()]
    folders = {part[1] for part in parts if part[0] == "tests" and len(part) > 2}
    assert folders <= layers


def test_tests_of_panels_mirror_the_panels() -> None:
    """Each folder of panels has a folder of tests, whose files are named after the modules that they test."""
    tests = ROOT / "tests" / "panels"
    for folder in sorted(path for path in (PACKAGE / "panels").iterdir() if (path / "__init__.py").exists()):
        modules = {f"test_{path.stem}.py" for path in folder.glob("*.py")}
        files = {path.name for path in (tests / folder.name).glob("test_*.py")}
        assert files, f"no tests of {_place(folder)}"
        assert files <= modules, f"{folder.name}: {sorted(files - modules)} are named after no module"
    assert not list(tests.glob("test_*.py")), "a test of a panel lies in the panel's folder"


def test_committed_text_names_no_path_of_one_machine() -> None:
    """No home folder, no scratch folder, no mount of whoever wrote it."""
    private = re.compile(rb"(?<![\w./~-])/(?:home|Users|root|work|mnt|media|tmp)/[\w.-]+|[A-Z]:\\Users")
    found = []
    for name in _committed():
        data = (ROOT / name).read_bytes()
        if b"\0" in data[:8000] or len(data) > 2_000_000 or name == "tests/test_house.py":
            continue
        found += [f"{name}: {hit.decode()}" for hit in private.findall(data)]
    assert found == []


def test_shell_scripts_parse() -> None:
    for path in sorted(p for p in (ROOT / ".ci").iterdir() if p.suffix != ".py" and p.is_file()):
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_benchmarks_read_only_options_that_they_have() -> None:
    """No test runs the benchmarks, and mypy does not know what ``parse_args`` returns."""
    for path in sorted((ROOT / "tests" / "benchmarks").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        options = {
            node.args[-1].value.removeprefix("--").replace("-", "_")
            for node in nodes
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument"
        }
        read = {
            node.attr
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "given"
        }
        assert read <= options, path.name


def test_version_is_said_once() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r"(?m)^version\s*=", text) is None
    assert re.fullmatch(r"\d+\.\d+\.\d+", circuitviz.__version__)


def test_readme_gives_the_two_commands_and_the_figures_of_the_shipped_weights() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\nbash .ci/start\n" in readme and "\nbash .ci/test\n" in readme
    figures = json.loads(resource_path("demo", "model", "figures.json").read_text(encoding="utf-8"))
    for name, value in figures.items():
        assert f"| {value:.3f} |" in readme, name


def test_public_names_exist() -> None:
    for name in circuitviz.__all__:
        assert getattr(circuitviz, name) is not None


def test_no_two_actions_share_a_shortcut() -> None:
    """Qt calls such a key ambiguous and does neither."""
    from circuitviz.commands import commands_by_menu

    keys = [entry.shortcut for entry in commands_by_menu() if entry.shortcut]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []
