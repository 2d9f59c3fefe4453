"""A stand-in for GPUs, so that what has never run on one can be tested without one.

Tensors stay in the machine's memory and keep their numbers; the stand-in remembers which storages are 'on
a device', ``cuda:0`` or ``cuda:1``, and follows them through every operation:

- ``StandinDevice`` is a torch function mode. It answers ``tensor.device``, and carries out whatever names a
  device: ``torch.zeros(…, device="cuda")``, ``module.to("cuda")``, ``tensor.cpu()``, ``tensor.tolist()``.
- ``_Dispatch`` is a torch dispatch mode, below autograd. What an operation makes from a tensor of a device
  is on that device. An operation that is given tensors of the host and of a device, or of two devices, fails
  with its name and the line of circuitviz that called it, as CUDA would fail; CUDA's exceptions are allowed
  (``_may_stay_on_host``).

Both count what makes the host wait for a device (``SYNCHRONISATION``), copies to one (``UPLOAD``) and copies
from one to another (``TRANSFER``), each with the line of circuitviz that caused it.

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
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

import circuitviz

DEVICE, SECOND_DEVICE = torch.device("cuda", 0), torch.device("cuda", 1)
HOST = torch.device("cpu")
FREE_BYTES, TOTAL_BYTES = 8 * 2**30, 16 * 2**30
SYNCHRONISATION, UPLOAD, TRANSFER = "synchronisation", "upload", "transfer"
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
    """An operation was given tensors of the host and of a device, or of two devices."""


class StandinDevice(TorchFunctionMode):
    """The stand-in, as a context: inside it ``cuda`` means tensors that it follows.

    Attributes:
        counts: How often each (kind, operation, line of circuitviz) occurred.
        free_bytes: Free memory of each device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.free_bytes = {DEVICE: FREE_BYTES, SECOND_DEVICE: FREE_BYTES}
        self._storages: dict[int, tuple[StorageWeakRef, torch.device]] = {}
        self._limit = 1 << 14
        self._dispatch = _Dispatch(self)
        self._real = {
            name: getattr(torch.cuda, name) for name in ("device_count", "mem_get_info", "memory_allocated")
        }

    def __enter__(self) -> StandinDevice:
        torch.cuda.device_count = lambda: len(self.free_bytes)
        torch.cuda.mem_get_info = lambda device=None: (self.free_bytes[_as_device(device)], TOTAL_BYTES)
        torch.cuda.memory_allocated = lambda device=None: TOTAL_BYTES - self.free_bytes[_as_device(device)]
        self._real_backward = torch.autograd._engine_run_backward
        torch.autograd._engine_run_backward = self._run_backward
        self._dispatch.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._dispatch.__exit__(*error)
        torch.autograd._engine_run_backward = self._real_backward
        for name, function in self._real.items():
            setattr(torch.cuda, name, function)

    def _run_backward(self, *args: Any, **kwargs: Any) -> Any:
        """A backward pass in which hooks of saved tensors find the mode, which torch has left by then."""
        super().__enter__()
        try:
            return self._real_backward(*args, **kwargs)
        finally:
            super().__exit__(None, None, None)

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

    # Which tensors are on a device

    def device_of(self, tensor: Tensor) -> torch.device:
        """Where a tensor is."""
        entry = self._storages.get(tensor.untyped_storage()._cdata)
        return HOST if entry is None else entry[1]

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor is on one of the devices."""
        return tensor.untyped_storage()._cdata in self._storages

    def place(self, result: Any, device: torch.device = DEVICE) -> Any:
        """Record where the tensors of a result are."""
        for tensor in _tensors(result):
            storage = tensor.untyped_storage()
            if device == HOST:
                self._storages.pop(storage._cdata, None)
            elif storage._cdata not in self._storages:
                # a weak reference keeps the address from being used again
                self._storages[storage._cdata] = StorageWeakRef(storage), device
        if len(self._storages) > self._limit:
            alive = {k: entry for k, entry in self._storages.items() if not entry[0].expired()}
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
        device = _as_device(kwargs["device"])
        if device.type == "meta":
            return func(*args, **kwargs)
        generator = kwargs.get("generator")
        name = func.__name__
        if device != HOST and generator is not None:
            raise MixedDevicesError(f"{name} at {call_site()}: a generator of the host makes device tensors")
        if device != HOST and name in ("tensor", "as_tensor", "asarray", "new_tensor"):
            given = args[0] if args else kwargs["data"]
            if not (isinstance(given, Tensor) and self.device_of(given) == device):
                self.count(UPLOAD, name)
        result = func(*args, **{**kwargs, "device": HOST})
        if name in ("as_tensor", "asarray"):
            result = result.clone()  # may share memory with what was given
        return self.place(result, device)

    def _device_of(self, func: Any, tensor: Tensor) -> torch.device:
        return self.device_of(tensor) if self.holds(tensor) else func(tensor)

    def _is_cuda(self, func: Any, tensor: Tensor) -> bool:
        return self.holds(tensor)

    def _is_cpu(self, func: Any, tensor: Tensor) -> bool:
        return not self.holds(tensor)

    def _to(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        other = kwargs.pop("other", args[0] if args and isinstance(args[0], Tensor) else None)
        if other is not None:
            return self._move(tensor, self.device_of(other), other.dtype)
        must_copy = kwargs.pop("copy", False)
        if args and isinstance(args[0], int):  # the number of a device
            args = (_as_device(args[0]), *args[1:])
        if isinstance(kwargs.get("device"), int):
            kwargs["device"] = _as_device(kwargs["device"])
        device, dtype, _, _ = torch._C._nn._parse_to(*args, **kwargs)
        if device is not None and device.type == "meta":
            return func(tensor, device=device, dtype=dtype)
        target = self.device_of(tensor) if device is None else _as_device(device)
        return self._move(tensor, target, dtype, must_copy)

    def _move(
        self, tensor: Tensor, device: torch.device, dtype: Any = None, must_copy: bool = False
    ) -> Tensor:
        dtype, source = dtype or tensor.dtype, self.device_of(tensor)
        if source == device:
            return torch.Tensor.to(tensor, dtype, copy=must_copy)
        if device == HOST:
            self.count(SYNCHRONISATION, "to host")
        else:
            self.count(UPLOAD if source == HOST else TRANSFER, "to")
        return _Move.apply(tensor, self, source, device).to(dtype)

    def _cpu(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self._move(tensor, HOST)

    def _cuda(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return self._move(tensor, DEVICE)

    def _one_hot(self, func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with _disable_current_modes():  # it makes zeros where the tensor is, which the modes do not see
            result = func(tensor, *args, **kwargs)
        return self.place(result, self.device_of(tensor))

    def _device(self, func: Any, *args: Any, **kwargs: Any) -> torch.device:
        """``torch.device(1)``, for which torch asks the driver."""
        return _as_device(args[0]) if args and isinstance(args[0], int) else func(*args, **kwargs)

    def _type_as(self, func: Any, tensor: Tensor, other: Tensor) -> Tensor:
        return self._move(tensor, self.device_of(other), other.dtype)

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
        return self.place(func(tensor, data, **kwargs), self.device_of(tensor))

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
            return self.place(torch.as_tensor(index).clone(), self.device_of(tensor))
        return index


class _Move(torch.autograd.Function):
    """A copy on another device, whose gradient goes back to where the tensor came from."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, standin: StandinDevice, source: Any, device: Any) -> Tensor:
        ctx.standin, ctx.source, ctx.device = standin, source, device
        copy = tensor.clone()
        standin.place(copy, HOST)  # what is made of a tensor was placed beside it
        return standin.place(copy, device)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return ctx.standin._move(gradient, ctx.source), None, None, None


class _Dispatch(TorchDispatchMode):
    """Follows the devices' tensors through every operation, also those of autograd's backward pass."""

    def __init__(self, standin: StandinDevice) -> None:
        super().__init__()
        self.standin = standin

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        standin, kwargs = self.standin, kwargs or {}
        tensors = _tensors(args) + _tensors(kwargs) if kwargs else _tensors(args)
        on_devices = [tensor for tensor in tensors if standin.holds(tensor)]
        if not on_devices:
            return func(*args, **kwargs)
        device = standin.device_of(on_devices[0])
        if len(on_devices) < len(tensors) or any(standin.device_of(t) != device for t in on_devices):
            if func is aten.copy_.default:
                return self._copy(func, args, kwargs)
            self._check_devices(func, device, args, kwargs)
        if func in WAITING_OPERATIONS or _waits_for_shape(func, args, kwargs):
            standin.count(SYNCHRONISATION, str(func))
        return standin.place(func(*args, **kwargs), device)

    def _copy(self, func: Any, args: Any, kwargs: Any) -> Any:
        target, source = (self.standin.device_of(tensor) for tensor in args[:2])
        if target == HOST:
            self.standin.count(SYNCHRONISATION, "copy_ to host")
        elif source != HOST:
            self.standin.count(TRANSFER, "copy_")
        elif args[1].dim():  # a single number is an argument of a kernel
            self.standin.count(UPLOAD, "copy_")
        return func(*args, **kwargs)

    def _check_devices(self, func: Any, device: torch.device, args: Any, kwargs: Any) -> None:
        tensors = _tensors((args, kwargs))
        for tensor in tensors:
            at = self.standin.device_of(tensor)
            may_stay = at == HOST and (not tensor.numel() or _may_stay_on_host(func, tensor))
            if at != device and not may_stay:
                sides = ", ".join(f"{self._name(t)} {list(t.shape)}" for t in tensors)
                raise MixedDevicesError(f"{func} at {call_site()} was given {sides}")

    def _name(self, tensor: Tensor) -> str:
        """``host``, ``device`` or ``second device``, for messages."""
        return {HOST: "host", DEVICE: "device"}.get(self.standin.device_of(tensor), "second device")


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


def _as_device(device: Any) -> torch.device:
    """A device with its number: ``cuda`` is the first one, as is a number alone."""
    if device is None:
        return DEVICE
    device = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


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
    torch.device: StandinDevice._device,
    torch.Tensor.tolist: StandinDevice._tolist,
    torch.nn.functional.one_hot: StandinDevice._one_hot,
    torch.Tensor.numpy: StandinDevice._numpy,
    torch.Tensor.__array__: StandinDevice._numpy,
    torch.Tensor.new_tensor: StandinDevice._new_tensor,
    torch.Tensor.__getitem__: StandinDevice._getitem,
    torch.Tensor.__setitem__: StandinDevice._setitem,
}
device = StandinDevice()
"""The one of a test process: some tensors are made once for all models, and have to be known to every test."""
