"""``.circuit``: a zip of JSON and safetensors that holds all a document is, read as data only."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from circuitviz.errors import InputError
from circuitviz.formats.disk import parse_json, read_bytes, write_whole
from circuitviz.formats.json_bounds import printable
from circuitviz.formats.known_places import known_place, remember_places
from circuitviz.formats.manifest import from_manifest, tensors_of, to_manifest
from circuitviz.formats.migrations import VERSION
from circuitviz.formats.parts.registry import plain
from circuitviz.formats.registry import formats
from circuitviz.session import Document
from circuitviz.session.places import located, portable

MANIFEST, TENSORS = "document.json", "tensors.safetensors"
LARGEST_ENTRY = 256 * 2**20
LARGEST_MANIFEST = 32 * 2**20
MANIFEST_RATIO = 50  # bytes more for each compressed byte: JSON of ours has 5 to 30
MOST_VALUES = 3_000_000  # of a manifest: each may become an object of 100 bytes
MOST_RATIO = 1000  # what deflate reaches on zeros, of which tensors are full
MOST_ENTRIES = 16
DIRECTORY, CHANCE = b"PK\x01\x02", 100  # how an entry begins; what compressed data may hold by chance
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class CircuitFile:
    """The application's own format."""

    suffix = ".circuit"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Save the document; the same document gives the same bytes, in whatever folder.

        Local models and dictionaries are named relative to the file, or by their last part.
        """
        write_whole(path, packed(document, folder=path.parent))
        if document.state.provenance is not None:
            remember_places(document.state.provenance)

    def read(self, path: Path) -> Document:
        """Open a document; InputError where the file is damaged, foreign or from a newer version."""
        entries = _entries(path)
        manifest = parse_json(f"{path.name}: {MANIFEST}", entries.pop(MANIFEST), LARGEST_ENTRY, MOST_VALUES)
        if not isinstance(manifest, dict) or not isinstance(manifest.get("version"), int):
            raise InputError(f"'{path.name}' holds no circuitviz document, though it is a zip file.")
        if manifest["version"] > VERSION:
            raise InputError(
                f"'{path.name}' was written by a newer circuitviz (file version "
                f"{manifest['version']}, this one reads up to {VERSION}); update circuitviz."
            )
        try:
            tensors = load(entries.pop(TENSORS))
        except (SafetensorError, ValueError, KeyError, OverflowError) as error:
            raise _damaged(path, f"its tensors cannot be read ({error})") from None
        try:
            document = from_manifest(manifest, tensors)
        except InputError as error:
            raise _damaged(path, str(error).rstrip(".")) from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            what = f"its contents do not fit together ({type(error).__name__}: {error})"
            raise _damaged(path, what) from None
        if (where := document.state.provenance) is not None:
            document.apply(replace(document.state, provenance=located(where, path.parent, known_place)))
        document.mark_saved(path)
        return document


def packed(
    document: Document, beside: Mapping[str, bytes] | None = None, folder: Path | None = None
) -> bytes:
    """A document as the bytes of its file; the same document gives the same bytes.

    ``beside`` holds further entries, which reading passes over. ``folder``: where the file will lie;
    without it, places of this machine are written as they are.
    """
    told, where = to_manifest(document), document.state.provenance
    if folder is not None and where is not None:
        told["provenance"] = plain(asdict(portable(where, folder)))
    manifest = json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True)
    own = {MANIFEST: printable(manifest).encode(), TENSORS: save(tensors_of(document))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**own, **(beside or {})}.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


formats.register("circuit", summary="circuitviz document: everything, to go on working")(CircuitFile())


def _entries(path: Path) -> dict[str, bytes]:
    """The two entries of the zip, within bounds."""
    data = read_bytes(path)
    if data[:2] != b"PK":
        raise InputError(
            f"'{path.name}' is not a circuitviz document (it is no zip file); other tools' files "
            "are opened with 'circuitviz import'."
        )
    if data.count(DIRECTORY) > MOST_ENTRIES + CHANCE:  # before anything is made of them
        raise InputError(f"'{path.name}' holds thousands of entries; a document has two.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            there = _checked(path, archive.infolist())
            for name in (MANIFEST, TENSORS):
                if name not in there:
                    raise InputError(f"'{path.name}' is no circuitviz document: it holds no {name}.")
                entry = there[name]
                if entry.compress_type not in METHODS or entry.flag_bits & 1:
                    raise InputError(
                        f"'{path.name}' is packed in a way that documents are not (encrypted, or by method "
                        f"{entry.compress_type}); it was not opened."
                    )
                most = MOST_RATIO * max(1, entry.compress_size)
                if name == MANIFEST:
                    most = min(most, LARGEST_MANIFEST + MANIFEST_RATIO * entry.compress_size)
                if entry.file_size > min(most, LARGEST_ENTRY):
                    raise InputError(
                        f"'{path.name}' unpacks to {entry.file_size / 2**20:,.0f} MB, which no "
                        "document of ours does; it was not opened."
                    )
            return {name: _bounded(archive, there[name]) for name in (MANIFEST, TENSORS)}
    except InputError:
        raise
    except Exception:  # zipfile raises many kinds on damaged archives
        raise _damaged(path, "the zip file is incomplete") from None


def _checked(path: Path, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, where they are few, plainly named, and there once."""
    if len(entries) > MOST_ENTRIES:
        raise InputError(f"'{path.name}' holds {len(entries):,} entries; a document has two.")
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise InputError(f"'{path.name}' names a place outside itself; it was not opened.")
    there = {entry.filename: entry for entry in entries}
    if len(there) != len(entries):
        raise InputError(f"'{path.name}' holds an entry twice; which one is meant cannot be told.")
    return there


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) > entry.file_size:
        raise ValueError("an entry is larger than it says")
    return data


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"'{path.name}' is damaged: {what}. Open an earlier copy, or find the circuit again.")
