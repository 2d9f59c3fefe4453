"""Tensors in safetensors and npz files, mapped into memory: what nobody reads of a file stays on disk.

Both libraries map a file for as long as a tensor of it is in use. Here the pages that were read can be given
back in between (``release_pages``), and NumPy, which maps no npz file, is not needed for its tensors.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from circuitviz.errors import InputError

FLOAT_DTYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16}
_INTEGER_CODES = {"I64": "<q", "I32": "<i", "U8": "<B"}
_NUMPY_NAMES = {"<f4": "F32", "<f8": "F64", "<f2": "F16"}
_LOCAL_HEADER_BYTES = 30  # of a zip archive's member, before its name
_MAX_NPY_HEADER_BYTES = 10_000


@dataclass(frozen=True)
class _StoredTensor:
    dtype: str
    shape: tuple[int, ...]
    offset: int
    is_transposed: bool = False  # stored column by column


class WeightFile:
    """One safetensors or npz file.

    Args:
        path: The file; its suffix names the format.

    Raises:
        InputError: In half a sentence: it cannot be read, or is compressed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stored = _npz_tensors(path) if path.suffix == ".npz" else _safetensors_tensors(path)
            with open(path, "rb") as file:
                # private: what is written to a tensor never reaches the file
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError, KeyError, RecursionError, SafetensorError, zipfile.BadZipFile) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise InputError(f"has weights in {path.name} that could not be read ({reason})") from error

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor by its name."""
        return {name: stored.shape for name, stored in self._stored.items()}

    def dtype_name(self, name: str) -> str:
        """Return the type of a tensor's values, as safetensors names it."""
        return self._stored[name].dtype

    def check_dtypes(self, names: Iterable[str]) -> None:
        """Raise InputError, in half a sentence, where one of some tensors holds no floating-point values."""
        for name in names:
            if self.dtype_name(name) not in FLOAT_DTYPES:
                raise InputError(
                    f"holds {name[:60]!r} as {self.dtype_name(name)}; {', '.join(FLOAT_DTYPES)} can be used"
                )

    def tensor(self, name: str) -> Tensor:
        """Return a tensor that reads the file where it is used, in the file's own precision."""
        stored = self._stored[name]
        dtype, n_values = FLOAT_DTYPES[stored.dtype], math.prod(stored.shape)
        if not n_values:
            return torch.empty(stored.shape, dtype=dtype)
        # not aligned in every file (the members of an archive seldom are), which processors allow
        flat = torch.frombuffer(self._map, dtype=dtype, count=n_values, offset=stored.offset)
        return flat.view(stored.shape[::-1]).T if stored.is_transposed else flat.view(stored.shape)

    def read_int(self, name: str) -> int:
        """Return the one whole number of a tensor; InputError in half a sentence where it holds others."""
        stored = self._stored[name]
        code = _INTEGER_CODES.get(stored.dtype)
        if code is None or math.prod(stored.shape) != 1:
            raise InputError(
                f"holds {name} as {stored.dtype} of shape {list(stored.shape)}; one whole number would be "
                "right"
            )
        return int(struct.unpack_from(code, self._map, stored.offset)[0])

    def release_pages(self) -> None:
        """Give the memory back that holds what was read; it is read again where it is needed."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._map.madvise(mmap.MADV_DONTNEED)


def _safetensors_tensors(path: Path) -> dict[str, _StoredTensor]:
    with safe_open(path, framework="pt") as file:  # checks the header, sizes and offsets
        names = list(file.keys())
    with open(path, "rb") as raw:
        (header_bytes,) = struct.unpack("<Q", raw.read(8))
        header = json.loads(raw.read(header_bytes))
    start = 8 + header_bytes
    return {
        name: _StoredTensor(
            header[name]["dtype"], tuple(header[name]["shape"]), start + header[name]["data_offsets"][0]
        )
        for name in names
    }


def _npz_tensors(path: Path) -> dict[str, _StoredTensor]:
    """Return the arrays of an archive as NumPy's ``savez`` writes it.

    Raises:
        ValueError: A member is compressed, holds Python objects, or is no array.
    """
    tensors: dict[str, _StoredTensor] = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as raw:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(
                    f"'{name[:60]}' is compressed; numpy.savez writes arrays without compression"
                )
            raw.seek(member.header_offset + 26)
            name_bytes, extra_bytes = struct.unpack("<HH", raw.read(4))
            raw.seek(member.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes)
            begin = raw.tell()
            version = np.lib.format.read_magic(raw)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, is_fortran, dtype = read_header(raw, max_header_size=_MAX_NPY_HEADER_BYTES)
            if dtype.hasobject:
                raise ValueError(f"'{name[:60]}' holds Python objects, which are never unpickled")
            if raw.tell() - begin + math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(f"'{name[:60]}' of shape {list(shape)} is larger than its part of the file")
            dtype_name = _NUMPY_NAMES.get(dtype.str, dtype.name)
            tensors[name] = _StoredTensor(dtype_name, tuple(shape), raw.tell(), is_fortran)
    return tensors
