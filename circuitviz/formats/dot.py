"""Graphviz's DOT, drawn as ACDC and EAP-IG draw: rounded boxes, pen width by effect, q/k/v coloured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import networkx as nx

from circuitviz.errors import InputError
from circuitviz.formats.disk import read_text, write_whole
from circuitviz.formats.graphml import from_networkx, to_networkx
from circuitviz.formats.listing import Plain, document_of, listing_of, typed
from circuitviz.formats.registry import formats
from circuitviz.session import Document

UNWRITABLE = re.compile(r'\\(?=["\n]|\Z)')  # Graphviz reads no backslash before a quote or a line's end
COLOURS = {"q": "#7c3aed", "k": "#0d9488", "v": "#b45309", "": "#475569"}
TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<word>-?(?:\.\d+|\d+(?:\.\d*)?)(?![\w.])|[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)
      | (?P<sign>->|--|[{}\[\];,=:])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
SIGNS = frozenset("{ } [ ] ; , = : -> --".split())
MOST_EDGES = 200_000
MOST_WORDS = 4_000_000
MOST_DRAWN = 2000  # edges that Graphviz's dot lays out in reasonable time
KEYWORDS = frozenset("graph node edge".split())
DRAWN = frozenset("label penwidth style color shape rankdir text".split())


def many_edges(number: int) -> str:
    """A warning, where Graphviz's ``dot`` would take very long to draw so many edges; else nothing."""
    if number <= MOST_DRAWN:
        return ""
    return (
        f"This DOT file holds {number:,} edges; Graphviz's dot takes minutes or more above {MOST_DRAWN:,}: "
        "draw it with sfdp, or export a smaller circuit."
    )


class Dot:
    """A digraph that Graphviz draws; attributes that it does not know hold what drawing loses."""

    suffix = ".dot"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit; what is ablated is dotted."""
        drawn = to_networkx(listing_of(document))
        strongest = max((abs(d["score"]) for *_, d in drawn.edges(data=True)), default=0.0) or 1.0
        warning = many_edges(drawn.number_of_edges())
        lines = [f"// {warning}"] if warning else []
        lines += ["digraph circuit {", "  rankdir=BT;", "  node [shape=box, style=rounded];"]
        lines += [f"  {key}={_quoted(value)};" for key, value in drawn.graph.items()]
        for name, about in drawn.nodes(data=True):
            text = about.get("label")
            shown = name if text is None else f"{name}\n{text}"
            said = {"label": _drawn(shown), "text": text, **_but(about, "label")}
            said |= {"style": "rounded,dotted"} if about.get("ablated") else {}
            lines.append(f"  {_quoted(name)} {_attributes(said)};")
        for sender, node, about in drawn.edges(data=True):
            said = {
                "penwidth": f"{0.5 + 4 * abs(about['score']) / strongest:.2f}",
                "style": "dotted" if "live" in about else "solid" if about["score"] >= 0 else "dashed",
                "color": COLOURS[about["channel"]],
                "label": about["channel"],
                **_but(about, "channel"),
            }
            lines.append(f"  {_quoted(sender)} -> {_quoted(node)} {_attributes(said)};")
        write_whole(path, ("\n".join([*lines, "}"]) + "\n").encode())

    def read(self, path: Path) -> Document:
        """Read a circuit; InputError where it is no DOT, or none of a model."""
        try:
            text = read_text(path)
            if text.count("-") + text.count("[") > MOST_EDGES:
                raise InputError("it holds more edges than any circuit")
            return document_of(from_networkx(parsed(text)))
        except (InputError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


formats.register("dot", summary="Graphviz", warning=many_edges)(Dot())


def parsed(text: str) -> nx.MultiDiGraph:
    """The graph that DOT describes: subgraphs are read as if they were not there, ports are left out.

    Raises InputError in a half sentence that names the line.
    """
    reader = _Reader(text)
    graph = nx.MultiDiGraph()
    if reader.here.lower() == "strict":
        reader.take()
    if reader.take().lower() not in ("graph", "digraph"):
        raise InputError("it is no DOT: that begins with 'digraph'")
    while reader.more and (reader.quoted or reader.here != "{"):
        reader.take()
    while reader.more:
        reader.statement(graph)
    if reader.open:
        raise InputError("it ends before its graph does: a '}' is missing, so a part of the file may be")
    return graph


class _Reader:
    """Words of a text one after another; ``here`` is the next, and ``quoted`` where it is no sign."""

    def __init__(self, text: str) -> None:
        self._words = self._split(text)
        self._line, self.here, self.quoted = next(self._words, (1, "", False))
        self.open = 0  # braces that are not closed yet

    @property
    def more(self) -> bool:
        """Whether the text goes on."""
        return bool(self.here) or self.quoted

    def take(self) -> str:
        """The word here; the next is here then."""
        word = self.here
        self._line, self.here, self.quoted = next(self._words, (self._line, "", False))
        return word

    def statement(self, graph: nx.MultiDiGraph) -> None:
        """Read one statement, or a sign between two."""
        if not self.quoted and self.here in ("{", "}", ";", ","):
            self.open += {"{": 1, "}": -1}.get(self.take(), 0)
            return
        if not self.quoted and self.here.lower() == "subgraph":
            self.take()
            if self.quoted or self.here != "{":
                self.take()
            return
        keyword = not self.quoted and self.here.lower() in KEYWORDS
        names = [self._name()]
        if self.here == "=" and not self.quoted:
            self.take()
            if names[0] not in DRAWN:
                graph.graph[names[0]] = typed(names[0], self._name())
            else:
                self._name()
            return
        while not self.quoted and self.here in ("->", "--"):
            self.take()
            names.append(self._name())
        said = self._attributes()
        if keyword:
            return
        for name in names if len(names) == 1 else ():
            graph.add_node(name, **_node(said))
        for sender, node in pairwise(names):
            graph.add_edge(sender, node, **_edge(said))

    def _name(self) -> str:
        if not self.quoted and (not self.here or self.here in SIGNS):
            what = f"'{self.here}'" if self.here else "the end"
            raise InputError(f"line {self._line}: a name should stand where {what} stands")
        name = self.take()
        while self.here == ":" and not self.quoted:  # a port
            self.take()
            self.take()
        return name

    def _attributes(self) -> dict[str, str]:
        said: dict[str, str] = {}
        while self.here == "[" and not self.quoted:
            self.take()
            while self.quoted or self.here != "]":
                key = self._name()
                if self.here == "=" and not self.quoted:
                    self.take()
                    said[key] = self._name()
                while not self.quoted and self.here in (";", ","):
                    self.take()
            self.take()
        return said

    @staticmethod
    def _split(text: str) -> Iterator[tuple[int, str, bool]]:
        at, line, words = 0, 1, 0
        while at < len(text):
            words += 1
            if words > MOST_WORDS:
                raise InputError(f"line {line}: it holds more words than any circuit ({MOST_WORDS:,})")
            hit = TOKEN.match(text, at)
            if hit is None:
                raise InputError(f"line {line}: '{text[at : at + 20].splitlines()[0]}' is no DOT")
            if hit["quoted"] is not None:
                yield line, hit[0][1:-1].replace('\\"', '"'), True
            elif hit["space"] is None:
                yield line, hit[0], False
            line += hit[0].count("\n")
            at = hit.end()


def _node(said: Mapping[str, str]) -> dict[str, Plain]:
    told = {key: typed(key, value) for key, value in said.items() if key not in DRAWN}
    return {**told, "label": said["text"]} if "text" in said else told


def _edge(said: Mapping[str, str]) -> dict[str, Plain]:
    told = {key: typed(key, value) for key, value in said.items() if key not in DRAWN}
    return {**told, "channel": said["label"]} if said.get("label") in ("q", "k", "v") else told


def _but(about: Mapping[str, Plain], key: str) -> dict[str, Plain]:
    return {k: v for k, v in about.items() if k != key}


def _attributes(said: Mapping[str, Plain | None]) -> str:
    return f"[{', '.join(f'{k}={_quoted(v)}' for k, v in said.items() if v is not None)}]"


def _quoted(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f'"{value!r}"'
    return '"' + UNWRITABLE.sub(r"\\u005c", value).replace('"', '\\"') + '"'


def _drawn(text: str) -> str:
    """Text as Graphviz draws it: backslashes begin its own escapes in a label, ``&`` an HTML entity."""
    return text.replace("\\", "\\\\").replace("&", "&amp;").replace("\n", "\\n")
