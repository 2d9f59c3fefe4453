"""A stand-in for a GPU, so that what has never run on one can be tested without one.

Tensors stay in the machine's memory and keep their numbers; the stand-in remembers which storages are 'on
the device', and follows them through every operation:

- ``StandinDevice`` is a torch function mode. It answers ``tensor.device``, and carries out whatever names a
  device: ``torch.zeros(…, device="cuda")``, ``module.to("cuda")``, ``tensor.cpu()``, ``tensor.tolist()``.
- ``_Dispatch`` is a torch dispatch mode, below autograd. What an operation makes from a tensor of the device
  is on the device. An operation that is given a tensor of each side fails with its name and the line of
  circuitviz that called it, as CUDA would fail; CUDA's exceptions are allowed (``_may_stay_on_host``).

Both count what makes the host wait for the device (``SYNCHRONISATION``) and copies to it (``UPLOAD``), each
with the line of circuitviz that caused it.

Stricter than CUDA: a host tensor as an index is refused, because CUDA copies it silently at every use.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import circuitviz

DEVICE = torch.device("cuda", 0)
HOST = torch.device("cpu")
FREE_BYTES, TOTAL_BYTES = 8 * 2**30, 16 * 2**30
SYNCHRONISATION, UPLOAD = "synchronisation", "upload"
PACKAGE = str(Path(circuitviz.__file__).parent) + "/"
TESTS = str(Path(__file__).parent) + "/"

aten = torch.ops.aten
WAITING_OPERATIONS = {
    aten._local_scalar_dense.default,  # item, float(), int(), bool(), and whatever asks for a number
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.bincount.default,
    aten._linalg_eigh.default,
    aten._linalg_svd.default,
}
"""Operations whose result the host needs, as a number or as a shape, before it can go on."""
FILLING_OPERATIONS = {
    aten.fill_.Tensor,
    aten.masked_fill.Tensor,
    aten.masked_fill_.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
"""Operations beside the pointwise ones that take a single number of the host as a value."""


class MixedDevicesError(AssertionError):
    """An operation was given tensors of the host and of the device."""


class StandinDevice(TorchFunctionMode):
    """The stand-in, as a context: inside it ``cuda`` means tensors that it follows.

    Attributes:
        counts: How often each (kind, operation, line of circuitviz) occurred.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._storages: dict[int, StorageWeakRef] = {}
        self._limit = 1 << 14
        self._dispatch = _Dispatch(self)
        self._real_mem_get_info = torch.cuda.mem_get_info

    def __enter__(self) -> StandinDevice:
        torch.cuda.mem_get_info = lambda device=None: (FREE_BYTES, TOTAL_BYTES)
        self._dispatch.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._dispatch.__exit__(*error)
        torch.cuda.mem_get_info = self._real_mem_get_info

    # What is counted

    def count(self, kind: str, operation: str) -> None:
        """Count an event at the line of circuitviz that is running."""
        self.counts[kind, operation, call_site()] += 1

    def total(self, kind: str) -> int:
        """How many events of a kind there were."""
        return sum(number for (k, _, _), number in self.counts.items() if k == kind)

    @contextmanager
    def counting(self) -> Iterator[Counter[tuple[str, str, str]]]:
        """Counts of a ``with`` block alone."""
        outer, self.counts = self.counts, Counter()
        try:
            yield self.counts
        finally:
            self.counts = outer + self.counts

    # Which tensors are on the device

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on the device."""
        return tensor.untyped_storage()._cdata in self._storages

    def place(self, result: Any, on_device: bool = True) -> Any:
        """Record where the tensors of a result are."""
        for tensor in _tensors(result):
            storage = tensor.untyped_storage()
            if not on_device:
                self._storages.pop(storage._cdata, None)
            elif storage._cdata not in self._storages:
                # a weak reference keeps the address from being used again
                self._storages[storage._cdata] = StorageWeakRef(storage)
        if len(self._storages) > self._limit:
            alive = {k: r for k, r in self._storages.items() if not r.expired()}
            self._storages, self._limit = alive, max(1 << 14, 2 * len(alive))
        return result

    # torch functions

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        handler = _HANDLERS.get(func)
        if handler is not None:
            return handler(self, func, *args, **kwargs)
        if kwargs.get("device") is not None:
            return self._make(func, args, kwargs)
        return func(*args, **kwargs)

    def _make(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call something that makes a tensor on a device."""
        on_device = _is_device(kwargs["device"])
        generator = kwargs.get("generator")
        name = func.__name__
        if on_device and generator is not None:
            raise MixedDevicesError(f"{name} at {call_site()}: a generator of the host makes device tensors")
        if on_device and name in ("tensor", "as_tensor", "asarray", "new_tensor"):
            given = args[0] if args else kwargs["data"]
            if not (isinstance(given, Tensor) and self.holds(given)):
                self.count(UPLOAD, name)
        result = func(*args, **{**kwargs, "device": HOST})
        if name in ("as_tensor", "asarray"):
            result = result.clone()  # may share memory with what was given
        return self.place(result, on_device)

    def _device_of(self, func: Any, tensor: Tensor) -> torch.device:
        return DEVICE if self.holds(tensor) else func(tensor)

    def _is_cuda(self, func: Any, tensor: Tensor) -> bool:
        return self.holds(tensor)

    def _is_cpu(self, func: Any, tensor: Tensor) -> bool:
        return not self.holds(tensor)

    def _to(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        other = kwargs.pop("other", args[0] if args and isinstance(args[0], Tensor) else None)
        if other is not None:
            return self._move(tensor, self.holds(other), other.dtype)
        must_copy = kwargs.pop("copy", False)
        device, dtype, _, _ = torch._C._nn._parse_to(*args, **kwargs)
        on_device = self.holds(tensor) if device is None else _is_device(device)
        return self._move(tensor, on_device, dtype, must_copy)

    def _move(self, tensor: Tensor, on_device: bool, dtype: Any = None, must_copy: bool = False) -> Tensor:
        dtype = dtype or tensor.dtype
        if self.holds(tensor) == on_device:
            return torch.Tensor.to(tensor, dtype, copy=must_copy)
        self.count(UPLOAD if on_device else SYNCHRONISATION, "to" if on_device else "to host")
        return self.place(tensor.clone() if dtype == tensor.dtype else tensor.to(dtype), on_device)

    def _cpu(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self._move(tensor, on_device=False)

    def _cuda(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self._move(tensor, on_device=True)

    def _type_as(self, func: Any, tensor: Tensor, other: Tensor) -> Tensor:
        return self._move(tensor, self.holds(other), other.dtype)

    def _tolist(self, func: Any, tensor: Tensor) -> Any:
        if self.holds(tensor):
            self.count(SYNCHRONISATION, "tolist")
        return func(tensor)

    def _numpy(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        if self.holds(tensor):
            raise MixedDevicesError(f"numpy() of a tensor of the device at {call_site()}")
        return func(tensor, *args, **kwargs)

    def _new_tensor(self, func: Any, tensor: Tensor, data: Any, **kwargs: Any) -> Tensor:
        if self.holds(tensor):
            self.count(UPLOAD, "new_tensor")
        return self.place(func(tensor, data, **kwargs), self.holds(tensor))

    def _getitem(self, func: Any, tensor: Tensor, index: Any) -> Tensor:
        return func(tensor, self._index(tensor, index))

    def _setitem(self, func: Any, tensor: Tensor, index: Any, value: Any) -> None:
        func(tensor, self._index(tensor, index), value)

    def _index(self, tensor: Tensor, index: Any) -> Any:
        """An index in which lists are tensors of the device: CUDA copies them there, too."""
        if not self.holds(tensor):
            return index
        if isinstance(index, tuple):
            return tuple(self._index(tensor, part) for part in index)
        if isinstance(index, list | range) or (
            type(index).__module__ == "numpy" and getattr(index, "ndim", 0)
        ):
            self.count(UPLOAD, "index by a list")
            return self.place(torch.as_tensor(index).clone())
        return index


class _Dispatch(TorchDispatchMode):
    """Follows the device's tensors through every operation, also those of autograd's backward pass."""

    def __init__(self, device: StandinDevice) -> None:
        super().__init__()
        self.device = device

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        device, kwargs = self.device, kwargs or {}
        tensors = _tensors(args) + _tensors(kwargs) if kwargs else _tensors(args)
        on_device = [tensor for tensor in tensors if device.holds(tensor)]
        if not on_device:
            return func(*args, **kwargs)
        if len(on_device) < len(tensors):
            if func is aten.copy_.default:
                return self._copy(func, args, kwargs)
            self._check_host_tensors(func, args, kwargs)
        if func in WAITING_OPERATIONS or _waits_for_shape(func, args, kwargs):
            device.count(SYNCHRONISATION, str(func))
        return device.place(func(*args, **kwargs))

    def _copy(self, func: Any, args: Any, kwargs: Any) -> Any:
        source = args[1]
        if self.device.holds(source):
            self.device.count(SYNCHRONISATION, "copy_ to host")
        elif source.dim():  # a single number is an argument of a kernel
            self.device.count(UPLOAD, "copy_")
        return func(*args, **kwargs)

    def _check_host_tensors(self, func: Any, args: Any, kwargs: Any) -> None:
        for tensor in _tensors((args, kwargs)):
            if not self.device.holds(tensor) and tensor.numel() and not _may_stay_on_host(func, tensor):
                sides = ", ".join(
                    f"{'device' if self.device.holds(t) else 'host'} {list(t.shape)}"
                    for t in _tensors((args, kwargs))
                )
                raise MixedDevicesError(f"{func} at {call_site()} was given {sides}")


def _may_stay_on_host(func: Any, tensor: Tensor) -> bool:
    """Whether an operation takes a host tensor beside those of the device: single numbers, as values."""
    is_pointwise = torch.Tag.pointwise in func.tags
    return tensor.dim() == 0 and (
        is_pointwise or func in FILLING_OPERATIONS or func._schema.name.startswith("aten::_foreach")
    )


def _waits_for_shape(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether the shape of an operation's result depends on numbers of the device."""
    name = func._schema.name
    if name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
        is_fill = name != "aten::index" and args[2].numel() == 1  # a masked fill
        return not is_fill and any(t is not None and t.dtype in (torch.bool, torch.uint8) for t in args[1])
    if name == "aten::repeat_interleave":
        return kwargs.get("output_size") is None
    return False


def _tensors(values: Any) -> list[Tensor]:
    """All tensors in arguments or a result."""
    if isinstance(values, Tensor):
        return [values]
    found: list[Tensor] = []
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, tuple | list):
        return found
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, tuple | list | dict):
            found += _tensors(value)
    return found


def _is_device(device: Any) -> bool:
    return torch.device(device).type == DEVICE.type


def call_site() -> str:
    """The innermost line of circuitviz that is running, and the library's file inside it, if any."""
    frame, inner = sys._getframe(1), ""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE):
            return f"{name.removeprefix(PACKAGE)}:{frame.f_lineno}{inner}"
        if not inner and "/site-packages/" in name and not _is_torch(name):
            inner = f" ({name.rpartition('/site-packages/')[2]}:{frame.f_lineno})"
        frame = frame.f_back
    return "outside of circuitviz" + inner


def _is_torch(file_name: str) -> bool:
    return "/site-packages/torch/" in file_name


_HANDLERS = {
    torch.Tensor.device.__get__: StandinDevice._device_of,
    torch.Tensor.is_cuda.__get__: StandinDevice._is_cuda,
    torch.Tensor.is_cpu.__get__: StandinDevice._is_cpu,
    torch.Tensor.to: StandinDevice._to,
    torch.Tensor.cpu: StandinDevice._cpu,
    torch.Tensor.cuda: StandinDevice._cuda,
    torch.Tensor.type_as: StandinDevice._type_as,
    torch.Tensor.tolist: StandinDevice._tolist,
    torch.Tensor.numpy: StandinDevice._numpy,
    torch.Tensor.__array__: StandinDevice._numpy,
    torch.Tensor.new_tensor: StandinDevice._new_tensor,
    torch.Tensor.__getitem__: StandinDevice._getitem,
    torch.Tensor.__setitem__: StandinDevice._setitem,
}
