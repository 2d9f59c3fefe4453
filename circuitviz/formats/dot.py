"""Graphviz's DOT, drawn as ACDC and EAP-IG draw: rounded boxes, pen width by effect, q/k/v coloured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import networkx as nx

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_listing import Scalar, build_document, list_circuit, parse_attribute
from circuitviz.formats.file_io import read_text, write_atomically
from circuitviz.formats.graphml import from_networkx, to_networkx
from circuitviz.formats.registry import formats

TRAILING_BACKSLASH = re.compile(
    r'\\(?=["\n]|\Z)'
)  # Graphviz reads no backslash before a quote or a line's end
CHANNEL_COLOURS = {"q": "#7c3aed", "k": "#0d9488", "v": "#b45309", "": "#475569"}
TOKEN_PATTERN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<word>-?(?:\.\d+|\d+(?:\.\d*)?)(?![\w.])|[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)
      | (?P<sign>->|--|[{}\[\];,=:])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
PUNCTUATION = frozenset(["{", "}", "[", "]", ";", ",", "=", ":", "->", "--"])
MAX_EDGES = 200_000
MAX_TOKENS = 4_000_000
MAX_LAYOUT_EDGES = 2000  # edges that Graphviz's dot lays out in reasonable time
KEYWORDS = frozenset(["graph", "node", "edge"])
DRAWING_ATTRIBUTES = frozenset(["label", "penwidth", "style", "color", "shape", "rankdir", "text"])


def warn_many_edges(number: int) -> str:
    """A warning, where Graphviz's ``dot`` would take very long to draw so many edges; else nothing."""
    if number <= MAX_LAYOUT_EDGES:
        return ""
    return (
        f"This DOT file holds {number:,} edges; Graphviz's dot takes minutes or more above {MAX_LAYOUT_EDGES:,}: "
        "draw it with sfdp, or export a smaller circuit."
    )


class DotFormat:
    """A digraph that Graphviz draws; attributes that it does not know hold what drawing loses."""

    suffix = ".dot"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit; what is ablated is dotted."""
        drawn = to_networkx(list_circuit(document))
        strongest = max((abs(d["score"]) for *_, d in drawn.edges(data=True)), default=0.0) or 1.0
        warning = warn_many_edges(drawn.number_of_edges())
        lines = [f"// {warning}"] if warning else []
        lines += ["digraph circuit {", "  rankdir=BT;", "  node [shape=box, style=rounded];"]
        lines += [f"  {key}={_quote(value)};" for key, value in drawn.graph.items()]
        for name, about in drawn.nodes(data=True):
            text = about.get("label")
            shown = name if text is None else f"{name}\n{text}"
            said = {"label": _escape_label(shown), "text": text, **_without_key(about, "label")}
            said |= {"style": "rounded,dotted"} if about.get("ablated") else {}
            lines.append(f"  {_quote(name)} {_format_attributes(said)};")
        for sender, node, about in drawn.edges(data=True):
            said = {
                "penwidth": f"{0.5 + 4 * abs(about['score']) / strongest:.2f}",
                "style": "dotted" if "live" in about else "solid" if about["score"] >= 0 else "dashed",
                "color": CHANNEL_COLOURS[about["channel"]],
                "label": about["channel"],
                **_without_key(about, "channel"),
            }
            lines.append(f"  {_quote(sender)} -> {_quote(node)} {_format_attributes(said)};")
        write_atomically(path, ("\n".join([*lines, "}"]) + "\n").encode())

    def read(self, path: Path) -> Document:
        """Read a circuit; InputError where it is no DOT, or none of a model."""
        try:
            text = read_text(path)
            if text.count("-") + text.count("[") > MAX_EDGES:
                raise InputError("it holds more edges than any circuit")
            return build_document(from_networkx(parse_dot(text)))
        except (InputError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


formats.register("dot", summary="Graphviz", warning=warn_many_edges)(DotFormat())


def parse_dot(text: str) -> nx.MultiDiGraph:
    """The graph that DOT describes: subgraphs are read as if they were not there, ports are left out.

    Raises InputError in a half sentence that names the line.
    """
    reader = _DotParser(text)
    graph = nx.MultiDiGraph()
    if reader.token.lower() == "strict":
        reader.next_token()
    if reader.next_token().lower() not in ("graph", "digraph"):
        raise InputError("it is no DOT: that begins with 'digraph'")
    while reader.has_more and (reader.is_quoted or reader.token != "{"):
        reader.next_token()
    while reader.has_more:
        reader.parse_statement(graph)
    if reader.n_open_braces:
        raise InputError("it ends before its graph does: a '}' is missing, so a part of the file may be")
    return graph


class _DotParser:
    """Words of a text one after another; ``token`` is the next, and ``is_quoted`` where it is no sign."""

    def __init__(self, text: str) -> None:
        self._tokens = self._tokenize(text)
        self._line, self.token, self.is_quoted = next(self._tokens, (1, "", False))
        self.n_open_braces = 0  # braces that are not closed yet

    @property
    def has_more(self) -> bool:
        """Whether the text goes on."""
        return bool(self.token) or self.is_quoted

    def next_token(self) -> str:
        """The word here; the next is here then."""
        word = self.token
        self._line, self.token, self.is_quoted = next(self._tokens, (self._line, "", False))
        return word

    def parse_statement(self, graph: nx.MultiDiGraph) -> None:
        """Read one statement, or a sign between two."""
        if not self.is_quoted and self.token in ("{", "}", ";", ","):
            self.n_open_braces += {"{": 1, "}": -1}.get(self.next_token(), 0)
            return
        if not self.is_quoted and self.token.lower() == "subgraph":
            self.next_token()
            if self.is_quoted or self.token != "{":
                self.next_token()
            return
        keyword = not self.is_quoted and self.token.lower() in KEYWORDS
        names = [self._parse_name()]
        if self.token == "=" and not self.is_quoted:
            self.next_token()
            if names[0] not in DRAWING_ATTRIBUTES:
                graph.graph[names[0]] = parse_attribute(names[0], self._parse_name())
            else:
                self._parse_name()
            return
        while not self.is_quoted and self.token in ("->", "--"):
            self.next_token()
            names.append(self._parse_name())
        said = self._parse_attributes()
        if keyword:
            return
        for name in names if len(names) == 1 else ():
            graph.add_node(name, **_node_attributes(said))
        for sender, node in pairwise(names):
            graph.add_edge(sender, node, **_edge_attributes(said))

    def _parse_name(self) -> str:
        if not self.is_quoted and (not self.token or self.token in PUNCTUATION):
            what = f"'{self.token}'" if self.token else "the end"
            raise InputError(f"line {self._line}: a name should stand where {what} stands")
        name = self.next_token()
        while self.token == ":" and not self.is_quoted:  # a port
            self.next_token()
            self.next_token()
        return name

    def _parse_attributes(self) -> dict[str, str]:
        said: dict[str, str] = {}
        while self.token == "[" and not self.is_quoted:
            self.next_token()
            while self.is_quoted or self.token != "]":
                key = self._parse_name()
                if self.token == "=" and not self.is_quoted:
                    self.next_token()
                    said[key] = self._parse_name()
                while not self.is_quoted and self.token in (";", ","):
                    self.next_token()
            self.next_token()
        return said

    @staticmethod
    def _tokenize(text: str) -> Iterator[tuple[int, str, bool]]:
        at, line, words = 0, 1, 0
        while at < len(text):
            words += 1
            if words > MAX_TOKENS:
                raise InputError(f"line {line}: it holds more words than any circuit ({MAX_TOKENS:,})")
            hit = TOKEN_PATTERN.match(text, at)
            if hit is None:
                raise InputError(f"line {line}: '{text[at : at + 20].splitlines()[0]}' is no DOT")
            if hit["quoted"] is not None:
                yield line, hit[0][1:-1].replace('\\"', '"'), True
            elif hit["space"] is None:
                yield line, hit[0], False
            line += hit[0].count("\n")
            at = hit.end()


def _node_attributes(said: Mapping[str, str]) -> dict[str, Scalar]:
    told = {key: parse_attribute(key, value) for key, value in said.items() if key not in DRAWING_ATTRIBUTES}
    return {**told, "label": said["text"]} if "text" in said else told


def _edge_attributes(said: Mapping[str, str]) -> dict[str, Scalar]:
    told = {key: parse_attribute(key, value) for key, value in said.items() if key not in DRAWING_ATTRIBUTES}
    return {**told, "channel": said["label"]} if said.get("label") in ("q", "k", "v") else told


def _without_key(about: Mapping[str, Scalar], key: str) -> dict[str, Scalar]:
    return {k: v for k, v in about.items() if k != key}


def _format_attributes(said: Mapping[str, Scalar | None]) -> str:
    return f"[{', '.join(f'{k}={_quote(v)}' for k, v in said.items() if v is not None)}]"


def _quote(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f'"{value!r}"'
    return '"' + TRAILING_BACKSLASH.sub(r"\\u005c", value).replace('"', '\\"') + '"'


def _escape_label(text: str) -> str:
    """Text as Graphviz draws it: backslashes begin its own escapes in a label, ``&`` an HTML entity."""
    return text.replace("\\", "\\\\").replace("&", "&amp;").replace("\n", "\\n")
