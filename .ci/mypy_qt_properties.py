"""A plugin of mypy: PySide6's constructors take a class's properties as keyword arguments.

``QLabel("text", wordWrap=True)`` calls ``setWordWrap(True)``, but PySide6's stubs do not say so. For every
keyword of such a call that has a setter, the setter's argument is added to the constructor's signature, so
that mypy checks the name and the type of the property.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import ARG_NAMED_OPT, CallExpr, TypeInfo
from mypy.plugin import FunctionSigContext, Plugin
from mypy.types import FunctionLike, Instance, Type, UnionType, get_proper_type


class QtProperties(Plugin):
    """Adds properties to the constructors of PySide6's classes."""

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """A hook for ``QLabel(...)`` and for classes derived from Qt's."""
        symbol = self.lookup_fully_qualified(fullname)
        if symbol is None or not isinstance(symbol.node, TypeInfo):
            return None
        is_qt = any(base.module_name.startswith("PySide6.") for base in symbol.node.mro)
        return _add_properties if is_qt else None


def _add_properties(context: FunctionSigContext) -> FunctionLike:
    signature, call = context.default_signature, context.context
    made = get_proper_type(signature.ret_type)
    if not isinstance(made, Instance) or not isinstance(call, CallExpr):
        return signature
    types = {
        name: type_
        for name in call.arg_names
        if name is not None and name not in signature.arg_names and (type_ := _property_type(made.type, name))
    }
    return signature.copy_modified(
        arg_types=[*signature.arg_types, *types.values()],
        arg_kinds=[*signature.arg_kinds, *[ARG_NAMED_OPT] * len(types)],
        arg_names=[*signature.arg_names, *types],
    )


def _property_type(info: TypeInfo, name: str) -> Type | None:
    """What the setter of a property takes; None where the class has no such setter."""
    setter = info.get_method(f"set{name[0].upper()}{name[1:]}")
    signature = get_proper_type(setter.type) if setter is not None else None
    if not isinstance(signature, FunctionLike):
        return None
    types = [item.arg_types[1] for item in signature.items if item.min_args <= 2 <= len(item.arg_types)]
    return UnionType.make_union(types) if types else None


def plugin(_version: str) -> type[Plugin]:
    """The entry point that mypy calls."""
    return QtProperties
