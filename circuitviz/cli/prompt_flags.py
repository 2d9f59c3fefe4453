"""The flags that every verb about features shares, and how model, dictionaries and prompt are opened."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitviz.cli.output import print_message, run_with_progress_bar
from circuitviz.errors import InputError
from circuitviz.graph.traces import EXAMPLE_CHOICES

if TYPE_CHECKING:
    from circuitviz.document import State
    from circuitviz.document.attribution_query import AttributionQuery
    from circuitviz.features import Dictionary, NodeTable
    from circuitviz.models import Model
    from circuitviz.workbench.prompt_session import PromptSession

PROMPT_COMMANDS = ("local-circuit", "attribute", "intervene", "trace")


def add_prompt_commands(subparsers: Any) -> None:
    """``local-circuit``, ``attribute``, ``intervene`` and ``trace``, with their flags."""
    local = subparsers.add_parser("local-circuit", help="why a feature, neuron or logit has its value")
    _add_prompt_flags(local)
    _add_target_flag(local)
    local.add_argument("--correct", help="with --target logit-diff: its tokens, with | between them")
    local.add_argument("--incorrect")
    _add_query_flags(local)
    _add_size_flags(local)
    local.add_argument("-o", "--output", type=Path, help="write .circuit, .graph.json or another format")
    attribute = subparsers.add_parser("attribute", help="the attribution graph of a prompt's logits")
    _add_prompt_flags(attribute)
    attribute.add_argument("--correct", help="with --incorrect: a logit difference, with | between tokens")
    attribute.add_argument("--incorrect")
    _add_query_flags(attribute)
    attribute.add_argument("--rows", type=int, default=2000, help="nodes whose edges are made, at most")
    attribute.add_argument("--node-share", type=float, default=0.8, help="of influence, kept in nodes")
    attribute.add_argument("--edge-share", type=float, default=0.98, help="of influence, kept in edges")
    attribute.add_argument("-o", "--output", type=Path, help="write .circuit, .graph.json or another format")
    intervene = subparsers.add_parser(
        "intervene", help="change nodes in the real model: predicted and measured"
    )
    _add_prompt_flags(intervene)
    _add_target_flag(intervene)
    text = "NODE=zero, NODE=scale:0.5, NODE=set:3, NODE=mean or NODE=corrupted; may be given several times"
    intervene.add_argument("--change", action="append", required=True, metavar="NODE=ACTION", help=text)
    intervene.add_argument("--corrupted", help="the prompt whose values 'corrupted' and 'mean' take")
    intervene.add_argument("--errors", choices=("kept", "dropped"), default="kept")
    trace = subparsers.add_parser("trace", help="a feature's circuits over a text file, compared")
    _add_model_flags(trace)
    trace.add_argument("text", type=Path, help="plain text; a line is an example")
    trace.add_argument("--feature", required=True, help="for example m3.f12")
    trace.add_argument("--examples", type=int, default=30)
    trace.add_argument(
        "--choose", choices=EXAMPLE_CHOICES, default="strongest", help="which examples of many"
    )
    _add_size_flags(trace, nodes=200)


def load_model_and_dictionaries(args: argparse.Namespace) -> tuple[Model, tuple[Dictionary, ...]]:
    """The model and its dictionaries; says which sites have none."""
    from circuitviz.features import load_dictionaries
    from circuitviz.models import load_model
    from circuitviz.resources import resource_path

    shipped = resource_path("demo", "dictionaries")
    paths = args.dictionaries or ([shipped] if args.model == "demo" and shipped.is_dir() else [])
    if not paths:
        raise InputError(
            f"--dictionaries needs folders of SAEs and transcoders of '{args.model}'; "
            "'circuitviz train-dictionary' makes them."
        )
    model = load_model(args.model, args.device)
    found = load_dictionaries(paths, model)
    sites = {one.site.name for one in found}
    layers = range(model.shape.n_layers)
    if bare := [f"m{i}" for i in layers if model.shape.mlp and f"m{i}" not in sites]:
        print_message(f"Without a dictionary, and so leaves: the MLPs {', '.join(bare)}.")
    if heads := [f"a{i}" for i in layers if f"a{i}" not in sites]:
        print_message(f"Without a dictionary, and so shown as heads: the attention {', '.join(heads)}.")
    return model, found


def load_node_table(args: argparse.Namespace) -> NodeTable:
    """The nodes of the prompt that was given; says where a dictionary does not fit the model."""
    from circuitviz.features import node_table, run_prompt

    model, found = load_model_and_dictionaries(args)
    run = run_prompt(model, model.tokens.encode(args.prompt, False if args.no_bos else None))
    return node_table(run, found)


def answer_query(args: argparse.Namespace, query: AttributionQuery) -> tuple[PromptSession, State]:
    """Answer a question on the model and dictionaries that were given; says what does not fit."""
    from circuitviz.document import State
    from circuitviz.workbench.prompt_session import open_prompt

    model, found = load_model_and_dictionaries(args)
    query = replace(query, model=model.name)
    opening = open_prompt(model, query, found)
    said = {one.misfit for one in found}
    for warning in opening.warnings:
        if warning not in said:
            print_message(warning)
    answer = run_with_progress_bar(opening.find_circuit(query), "Tracing the features")
    return opening, State(answer.provenance, answer.scores, answer.circuit)


def query_from_flags(args: argparse.Namespace, **fields: Any) -> AttributionQuery:
    """What a verb asks, from the flags that both share."""
    from circuitviz.document.attribution_query import AttributionQuery

    right, wrong = (tuple(side.split("|")) if side else () for side in (args.correct, args.incorrect))
    folders = tuple(str(Path(path).absolute()) for path in args.dictionaries or ())
    return AttributionQuery(
        args.model,
        args.prompt,
        corrupted=args.corrupted or "",
        correct=right,
        incorrect=wrong,
        sites=tuple(args.sites.split(",")) if args.sites else None,
        dictionaries=folders,
        bos=False if args.no_bos else None,
        tokens=_parse_token_ids(args.tokens),
        **fields,
    )


def write_circuit(state: State, path: Path) -> None:
    """Write a circuit of features in the format that its suffix names."""
    from circuitviz.document import Document
    from circuitviz.formats import export_document, format_for
    from circuitviz.formats.file_io import check_writable

    format_for(path, writing=True)
    check_writable(path)
    export_document(Document(state), path)
    print_message(f"wrote {path}")


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", default="demo", help="demo, a Hugging Face name, or a folder")
    text = "a SAELens folder, a folder of them, a .pt transcoder, or saelens:RELEASE/ID to download one; "
    text += "may be given several times"
    parser.add_argument("--dictionaries", action="append", metavar="PATH", help=text)
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")


def _add_prompt_flags(parser: argparse.ArgumentParser) -> None:
    _add_model_flags(parser)
    parser.add_argument("-p", "--prompt", required=True, help="the text")


def _add_query_flags(parser: argparse.ArgumentParser) -> None:
    text = "sites opened into features, for example a2,m3; the others are heads and MLPs"
    parser.add_argument("--sites", help=text)
    parser.add_argument("--tokens", help="ids of the prompt's tokens, where its text does not give them")
    parser.add_argument("--corrupted", help="a prompt of as many tokens, kept for judging the circuit")


def _add_target_flag(parser: argparse.ArgumentParser) -> None:
    text = "m3.f12@7 (a feature at position 7), m3.n45@7 (a neuron), a1.h2@7, a token after the prompt, "
    text += "or, for local-circuit, logit-diff"
    parser.add_argument("--target", required=True, help=text)


def _add_size_flags(parser: argparse.ArgumentParser, nodes: int = 100) -> None:
    parser.add_argument("--nodes", type=int, default=None, help=f"about so many nodes (default {nodes})")
    parser.add_argument("--gate", default="absolute" if nodes > 100 else "signed", help="signed or absolute")
    if nodes <= 100:
        parser.add_argument("--tau", type=float, help="instead of --nodes: keep what is above")
        text = "hierarchical-attribution or direct-attribution"
        parser.add_argument("--method", default="hierarchical-attribution", help=text)


def _parse_token_ids(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--tokens was given '{text}'; ids with commas between would be right.") from None
