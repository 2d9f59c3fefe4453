"""Leave modules unloaded that transformers and TransformerLens import and a model's pass does not use.

When they are imported, both import object detection (scipy), data sets (pandas, pyarrow), tensors spread
over processes (sympy) and torch's compiler; that takes longer than a search on a small model.

``sys.modules`` belongs to the whole process: another thread that imports a listed module meanwhile keeps a
placeholder, and what the libraries have taken from one stays a stand-in, which is not equal to the real
class. So nothing is deferred unless whoever owns the process has called :func:`allow_deferred_imports`, which
the command line does for its commands, and as long as the process has one thread: never in the window, in a
notebook or in another program. Then, while :func:`defer_imports` is open,

1. each module of ``DEFERRED_NAMES`` that is not loaded has a :class:`Placeholder` in ``sys.modules``;
2. a listed name taken from it is a :class:`DeferredName`, which loads the module when it is used; a
   decorator of ``DEFERRED_DECORATORS`` takes effect when somebody else has loaded the module;
3. any other name, and any module of a package that is not listed, loads it at once, so that a version of a
   library that needs more than is listed here takes longer, and works.

Afterwards ``import`` finds the modules themselves. ``CIRCUITVIZ_DEFER_IMPORTS=0`` in the environment
switches all of it off.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

SWITCH = "CIRCUITVIZ_DEFER_IMPORTS"
_is_allowed = False  # until the owner of the process says so

# functions and classes that a library imports when it is loaded, and uses only when something of it runs
DEFERRED_NAMES: dict[str, tuple[str, ...]] = {
    "datasets": ("load_dataset",),
    "datasets.arrow_dataset": ("Dataset",),
    "datasets.iterable_dataset": ("IterableDataset",),
    "datasets.load": ("load_dataset",),
    "pandas": (),
    "scipy.optimize": ("linear_sum_assignment",),
    "torch._dynamo": (),
    "torch._dynamo._trace_wrapped_higher_order_op": ("TransformGetItemToIndex",),
    "torch.distributed._composable.fsdp": ("fully_shard",),
    "torch.distributed.checkpoint.hf_storage": ("HuggingFaceStorageReader", "HuggingFaceStorageWriter"),
    "torch.distributed.fsdp": ("CPUOffloadPolicy", "FullyShardedDataParallel", "MixedPrecisionPolicy"),
    "torch.distributed.tensor": ("DTensor", "Shard"),
    "torch.distributed.tensor._utils": ("compute_local_shape_and_global_offset",),
    "torch.distributed.tensor.placement_types": ("Shard", "_StridedShard"),
    "transformer_lens.utilities.exploratory_utils": ("test_prompt",),  # imports pytest where that is there
    "transformers.models.bert.modeling_bert": ("BertForPreTraining",),  # architectures that TransformerLens
    "transformers.models.hubert.modeling_hubert": ("HubertModel",),  # imports to open models of them
    "transformers.models.olmo2.modeling_olmo2": ("Olmo2DecoderLayer",),
    "transformers.models.t5.modeling_t5": ("T5ForConditionalGeneration",),
    "transformers.models.wav2vec2.modeling_wav2vec2": ("Wav2Vec2Model",),
    "transformers.distributed.expert_parallel": ("apply_expert_parallelism",),
    "transformers.distributed.tensor_parallel": (
        "apply_tensor_parallelism",
        "gather_state_dict_for_save",
        "get_kv_heads_per_rank",
        "verify_tp_plan",
    ),
}

# decorators that tell torch's compiler how to compile a function: without the compiler they change nothing
DEFERRED_DECORATORS: dict[str, tuple[str, ...]] = {
    "torch._dynamo": ("allow_in_graph", "assume_constant_result", "disable"),
}


class ModulePlaceholder(ModuleType):
    """Stands in ``sys.modules`` for a module until something is wanted of it that is not listed."""

    def load(self) -> ModuleType:
        """The module itself, with the packages around it, loaded now if nobody has loaded it before."""
        parts = self.__name__.split(".")
        for length in range(1, len(parts) + 1):
            _remove_placeholder(".".join(parts[:length]))
        return importlib.import_module(self.__name__)

    def is_loaded(self) -> bool:
        """Whether the module itself has been loaded, by whomever."""
        return not isinstance(sys.modules.get(self.__name__, self), ModulePlaceholder)

    def __getattr__(self, name: str) -> Any:
        if name in DEFERRED_NAMES[self.__name__]:
            return DeferredName(self, name)
        if name in DEFERRED_DECORATORS.get(self.__name__, ()):
            return _defer_decorator(self, name)
        child = sys.modules.get(f"{self.__name__}.{name}")
        if isinstance(child, ModulePlaceholder):
            return child
        if (
            name.startswith("__") and name != "__all__"
        ):  # inspect asks every module for its __file__ and others
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.load(), name)


class DeferredName:
    """A function or class of a module that is loaded when the name is first used."""

    def __init__(self, placeholder: ModulePlaceholder, name: str) -> None:
        self._placeholder, self._name = placeholder, name

    def resolve(self) -> Any:
        """The function or class itself."""
        return getattr(self._placeholder.load(), self._name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the function returns, or an instance of the class."""
        return self.resolve()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of any object, when it is copied for instance
            raise AttributeError(name)
        return getattr(self.resolve(), name)

    def __instancecheck__(self, instance: object) -> bool:
        # nothing is an instance of a class that has not been defined
        return self._placeholder.is_loaded() and isinstance(instance, self.resolve())

    def __subclasscheck__(self, subclass: type) -> bool:
        return self._placeholder.is_loaded() and issubclass(subclass, self.resolve())

    def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
        # copied or pickled, it is the function or class itself
        return pkgutil.resolve_name, (f"{self._placeholder.__name__}:{self._name}",)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any]:
        return (self.resolve(),)

    def __or__(self, other: Any) -> Any:
        return self.resolve() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.resolve()


def _defer_decorator(placeholder: ModulePlaceholder, name: str) -> Callable[..., Any]:
    """A decorator that changes nothing as long as nobody has loaded its module."""

    def decorate(function: Callable[..., Any] | None = None, *arguments: Any, **named: Any) -> Any:
        if function is None:  # options alone, as in @disable(recursive=False)
            return lambda function: decorate(function, *arguments, **named)

        @functools.cache
        def decorated() -> Callable[..., Any]:
            result: Callable[..., Any] = getattr(placeholder.load(), name)(function, *arguments, **named)
            return result

        @functools.wraps(function)
        def call(*call_arguments: Any, **call_named: Any) -> Any:
            called = decorated() if placeholder.is_loaded() else function
            return called(*call_arguments, **call_named)

        return call

    return decorate


class _LoadedModule(Loader):
    """Loads a module that is loaded already."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _QuickListingLoader(Loader):
    """Loads the module that lists the classes of all of transformers' models, and lets it read less.

    It splits each of 1,700 files into lines, twice, to find where ``__all__`` begins.
    """

    NAME, FUNCTION = "transformers.utils.import_utils", "fetch__all__"

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if (read_names := getattr(module, self.FUNCTION, None)) is None:
            return

        def read_names_from_all(content: str) -> Any:
            start = 0 if content.startswith("__all__") else content.find("\n__all__") + 1
            return read_names(content[start:] if start or content.startswith("__all__") else "")

        setattr(module, self.FUNCTION, read_names_from_all)


class _PackageLoader(MetaPathFinder):
    """Loads a package that has a placeholder before a module of it that is not listed is looked for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == _QuickListingLoader.NAME:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                spec.loader = _QuickListingLoader(spec.loader)
            return spec
        package = sys.modules.get(name.rpartition(".")[0])
        if not isinstance(package, ModulePlaceholder):
            return None
        package.load()  # which may load the module too, and a second copy of it would be wrong
        module = importlib.import_module(name)
        module.__spec__ = ModuleSpec(name, _LoadedModule(module))  # importlib takes this one
        return module.__spec__


def _find_spec(name: str) -> ModuleSpec | None:
    """Where a module is, without importing the packages around it; None where it is not installed."""
    spec: ModuleSpec | None = None
    path: Sequence[str] | None = None
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:length]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec


def _add_placeholder(name: str) -> bool:
    """Put a placeholder where a module is not loaded; a module that is not installed has to fail as ever."""
    spec = None if name in sys.modules else _find_spec(name)
    if spec is None:
        return False
    placeholder = sys.modules[name] = ModulePlaceholder(name)
    placeholder.__spec__, placeholder.__file__ = spec, spec.origin
    if spec.submodule_search_locations is not None:
        placeholder.__path__ = spec.submodule_search_locations
    parent, _, child = name.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and not isinstance(package, ModulePlaceholder) and child not in vars(package):
        setattr(package, child, placeholder)
    return True


def _remove_placeholder(name: str) -> None:
    placeholder = sys.modules.get(name)
    if not isinstance(placeholder, ModulePlaceholder):
        return
    del sys.modules[name]
    parent, _, child = name.rpartition(".")
    if parent in sys.modules and vars(sys.modules[parent]).get(child) is placeholder:
        delattr(sys.modules[parent], child)


def allow_deferred_imports() -> None:
    """Let :func:`defer_imports` act from now on; to be called by whoever owns the process."""
    global _is_allowed
    _is_allowed = True


@contextmanager
def defer_imports() -> Iterator[None]:
    """While it is open, an import of a listed module that is not loaded gives a placeholder.

    Nothing changes where that is not allowed, where another thread is running, which could import one, or
    where the environment switches it off.
    """
    if not _is_allowed or threading.active_count() > 1 or os.environ.get(SWITCH) == "0":
        yield
        return
    added = [name for name in DEFERRED_NAMES if _add_placeholder(name)]
    finder = _PackageLoader()
    # a new list each time: an import that goes through the old one would skip a finder
    sys.meta_path = [finder, *sys.meta_path]
    try:
        yield
    finally:
        sys.meta_path = [other for other in sys.meta_path if other is not finder]
        for name in added:
            _remove_placeholder(name)
