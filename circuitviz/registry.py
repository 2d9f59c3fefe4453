"""Registries: a method, metric, task or format is added as one file, which the registry imports."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from circuitviz.errors import InputError, suggest_name
from circuitviz.options import NoOptions

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RegistryEntry(Generic[T]):
    """One registered object.

    Attributes:
        name: The name that files, flags and menus use.
        summary: One line about it.
        value: The object itself.
        reference: Its source, as the user reads it.
        options: The dataclass of its options.
        extra: Further keywords of the registration.
    """

    name: str
    summary: str
    value: T
    reference: str = ""
    options: type = NoOptions
    extra: dict[str, Any] = field(default_factory=dict)


class Registry(Generic[T]):
    """Named objects of one kind, found in the modules of packages and in entry points.

    A module that fails to import is kept in ``import_errors`` with its error and stops nothing else. Any
    thread may ask: one that asks while another imports waits for the modules, and sees all.

    Args:
        kind: What the objects are, for error messages.
        packages: The package, or packages, whose modules register objects.
        group: The entry point group of other distributions.
        folder_module: The module that registers an object whose files are a folder of the package.
    """

    def __init__(
        self, kind: str, packages: str | tuple[str, ...], group: str, folder_module: str = ""
    ) -> None:
        self.kind = kind
        self.import_errors: dict[str, str] = {}
        self._packages = (packages,) if isinstance(packages, str) else packages
        self._entry_point_group, self._folder_module = group, folder_module
        self._entries: dict[str, RegistryEntry[T]] = {}
        self._is_imported = False

    def register(
        self, name: str, *, summary: str, reference: str = "", options: type = NoOptions, **extra: Any
    ) -> Callable[[T], T]:
        """Decorate a function or class to register it; further keywords are stored in ``extra``."""

        def decorate(value: T) -> T:
            self._entries[name] = RegistryEntry(name, summary, value, reference, options, extra)
            return value

        return decorate

    def names(self) -> list[str]:
        """All names, in the order of registration."""
        self._import_modules()
        return list(self._entries)

    def entries(self) -> list[RegistryEntry[T]]:
        """All entries, in the order of registration."""
        self._import_modules()
        return list(self._entries.values())

    def get(self, name: str) -> RegistryEntry[T]:
        """The entry of a name.

        Raises:
            InputError: There is none; the message lists the names that exist.
        """
        self._import_modules()
        if name not in self._entries:
            known = ", ".join(self._entries)
            raise InputError(
                f"There is no {self.kind} '{name}'; there is {known}." + suggest_name(name, self._entries)
            )
        return self._entries[name]

    def _import_modules(self) -> None:
        if self._is_imported:
            return
        for package_name in self._packages:
            package = importlib.import_module(package_name)
            for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
                if not module.name.startswith("_"):
                    name = f"{package_name}.{module.name}"
                    self._load_guarded(name, partial(self._import_module, name, module.ispkg))
        for point in entry_points(group=self._entry_point_group):
            self._load_guarded(point.value, point.load)
        self._is_imported = True  # not before: imports have locks of their own, so walking twice does no harm

    def _import_module(self, name: str, is_folder: bool) -> None:
        importlib.import_module(name)
        folder_module = f"{name}.{self._folder_module}"
        if is_folder and self._folder_module and find_spec(folder_module) is not None:
            importlib.import_module(folder_module)

    def _load_guarded(self, name: str, load: Callable[[], object]) -> None:
        try:
            load()
        except Exception as error:  # a third party's file may fail in any way
            self.import_errors[name] = f"{type(error).__name__}: {error}"
            logger.info("could not import %s", name, exc_info=True)
