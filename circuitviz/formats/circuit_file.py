"""``.circuit`` files: a zip of JSON and safetensors with a whole document; nothing in it is executed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from circuitviz.document import Document
from circuitviz.document.portable_paths import with_local_paths, with_portable_paths
from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json, read_bytes, write_atomically
from circuitviz.formats.json_bounds import replace_surrogates
from circuitviz.formats.local_paths import find_local_path, remember_local_paths
from circuitviz.formats.manifest import from_manifest, to_manifest, to_tensors
from circuitviz.formats.migrations import FILE_VERSION
from circuitviz.formats.parts.origin import origin_to_json
from circuitviz.formats.parts.steering import steering_to_json
from circuitviz.formats.registry import formats

MANIFEST_NAME, TENSORS_NAME = "document.json", "tensors.safetensors"
MAX_ENTRY_BYTES = 256 * 2**20
MAX_MANIFEST_BYTES = 32 * 2**20
MAX_MANIFEST_RATIO = 50  # further bytes per compressed byte; our own manifests have 5 to 30
MAX_MANIFEST_VALUES = 3_000_000  # each may become an object of 100 bytes
MAX_COMPRESSION_RATIO = 1000  # deflate reaches it on zeros, which most tensors hold
MAX_ENTRIES = 16
DIRECTORY_SIGNATURE = b"PK\x01\x02"  # the first bytes of each entry of the zip's directory
MAX_CHANCE_SIGNATURES = 100  # how often compressed data may hold them by chance
COMPRESSION_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class CircuitFileFormat:
    """The application's own format."""

    suffix = ".circuit"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Save the document; the same document gives the same bytes, in whatever folder.

        Local models and dictionaries are named relative to the file, or by their last part.
        """
        write_atomically(path, pack_document(document, folder=path.parent))
        if document.state.origin is not None:
            remember_local_paths(document.state.origin)

    def read(self, path: Path) -> Document:
        """Open a document.

        Raises:
            InputError: The file is damaged, foreign or from a newer version.
        """
        entries = _read_entries(path)
        manifest = parse_json(
            f"{path.name}: {MANIFEST_NAME}", entries.pop(MANIFEST_NAME), MAX_ENTRY_BYTES, MAX_MANIFEST_VALUES
        )
        if not isinstance(manifest, dict) or not isinstance(manifest.get("version"), int):
            raise InputError(f"'{path.name}' holds no circuitviz document, though it is a zip file.")
        if manifest["version"] > FILE_VERSION:
            raise InputError(
                f"'{path.name}' was written by a newer circuitviz (file version "
                f"{manifest['version']}, this one reads up to {FILE_VERSION}); update circuitviz."
            )
        try:
            tensors = load(entries.pop(TENSORS_NAME))
        except (SafetensorError, ValueError, KeyError, OverflowError) as error:
            raise _damaged_error(path, f"its tensors cannot be read ({error})") from None
        try:
            document = from_manifest(manifest, tensors)
        except InputError as error:
            raise _damaged_error(path, str(error).rstrip(".")) from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            problem = f"its contents do not fit together ({type(error).__name__}: {error})"
            raise _damaged_error(path, problem) from None
        state, folder = document.state, path.parent
        origin = None if state.origin is None else with_local_paths(state.origin, folder, find_local_path)
        steering = tuple(with_local_paths(result, folder, find_local_path) for result in state.steering)
        document.set_state(replace(state, origin=origin, steering=steering))
        document.mark_saved(path)
        return document


def pack_document(
    document: Document, extra_entries: Mapping[str, bytes] | None = None, folder: Path | None = None
) -> bytes:
    """The bytes of a document's file; the same document gives the same bytes.

    Args:
        document: The document.
        extra_entries: Further entries of the zip, which reading ignores.
        folder: Folder of the file, to which local paths are made relative; without it they stay absolute.
    """
    contents, origin = to_manifest(document), document.state.origin
    if folder is not None and origin is not None:
        contents["provenance"] = origin_to_json(with_portable_paths(origin, folder))
    if folder is not None and (steering := document.state.steering):
        portable = (with_portable_paths(result, folder) for result in steering)
        contents["steering"] = steering_to_json(portable, document)
    manifest = json.dumps(contents, indent=1, ensure_ascii=False, sort_keys=True)
    entries = {MANIFEST_NAME: replace_surrogates(manifest).encode(), TENSORS_NAME: save(to_tensors(document))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**entries, **(extra_entries or {})}.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


formats.register("circuit", summary="circuitviz document: everything, to go on working")(CircuitFileFormat())


def _read_entries(path: Path) -> dict[str, bytes]:
    """Read the two entries of the zip, with all sizes checked before they are unpacked."""
    data = read_bytes(path)
    if data[:2] != b"PK":
        raise InputError(
            f"'{path.name}' is not a circuitviz document (it is no zip file); other tools' files "
            "are opened with 'circuitviz import'."
        )
    if (
        data.count(DIRECTORY_SIGNATURE) > MAX_ENTRIES + MAX_CHANCE_SIGNATURES
    ):  # before anything is made of them
        raise InputError(f"'{path.name}' holds thousands of entries; a document has two.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries_by_name = _check_entries(path, archive.infolist())
            for name in (MANIFEST_NAME, TENSORS_NAME):
                if name not in entries_by_name:
                    raise InputError(f"'{path.name}' is no circuitviz document: it holds no {name}.")
                entry = entries_by_name[name]
                if entry.compress_type not in COMPRESSION_METHODS or entry.flag_bits & 1:
                    raise InputError(
                        f"'{path.name}' is packed in a way that documents are not (encrypted, or by method "
                        f"{entry.compress_type}); it was not opened."
                    )
                max_bytes = MAX_COMPRESSION_RATIO * max(1, entry.compress_size)
                if name == MANIFEST_NAME:
                    max_bytes = min(max_bytes, MAX_MANIFEST_BYTES + MAX_MANIFEST_RATIO * entry.compress_size)
                if entry.file_size > min(max_bytes, MAX_ENTRY_BYTES):
                    raise InputError(
                        f"'{path.name}' unpacks to {entry.file_size / 2**20:,.0f} MB, which no "
                        "document of ours does; it was not opened."
                    )
            return {
                name: _read_entry(archive, entries_by_name[name]) for name in (MANIFEST_NAME, TENSORS_NAME)
            }
    except InputError:
        raise
    except Exception:  # zipfile raises many kinds on damaged archives
        raise _damaged_error(path, "the zip file is incomplete") from None


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Entries by name, after checks of their number, names and uniqueness."""
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"'{path.name}' holds {len(entries):,} entries; a document has two.")
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise InputError(f"'{path.name}' names a place outside itself; it was not opened.")
    entries_by_name = {entry.filename: entry for entry in entries}
    if len(entries_by_name) != len(entries):
        raise InputError(f"'{path.name}' holds an entry twice; which one is meant cannot be told.")
    return entries_by_name


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) > entry.file_size:
        raise ValueError("an entry is larger than it says")
    return data


def _damaged_error(path: Path, problem: str) -> InputError:
    return InputError(
        f"'{path.name}' is damaged: {problem}. Open an earlier copy, or find the circuit again."
    )
