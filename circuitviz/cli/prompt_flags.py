"""Flags that the commands about features share, and how they open model, dictionaries and prompt."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitviz import features, formats, models, workbench
from circuitviz.cli.flags import add_device_flags, add_model_flag
from circuitviz.cli.output import print_message, run_with_progress_bar
from circuitviz.document import Document, State
from circuitviz.document.attribution_query import (
    ATTENTION_MODES,
    CIRCUIT_TRACER_CONVENTION,
    CONVENTION_NAMES,
    HEADS_ATTENTION,
    NEURON_COUNT,
    OWN_CONVENTION,
    TRANSPARENT_ATTENTION,
    AttributionQuery,
)
from circuitviz.dtypes import NO_OFFLOAD, OFFLOAD_CHOICES, OFFLOAD_TOOL_TIP
from circuitviz.errors import InputError
from circuitviz.resources import resource_path


def load_model_and_dictionaries(
    args: argparse.Namespace,
) -> tuple[models.Model, tuple[features.Dictionary, ...]]:
    """Load the model and the dictionaries that the flags name; print which sites have none."""
    paths = _dictionary_paths(args)
    if not paths:
        raise InputError(
            f"--dictionaries needs folders of SAEs and transcoders of '{args.model}'; "
            "'circuitviz train-dictionary' makes them."
        )
    return _load(args, paths, 0, HEADS_ATTENTION)


def _dictionary_paths(args: argparse.Namespace) -> list[Any]:
    shipped = resource_path("demo", "dictionaries")
    return args.dictionaries or ([shipped] if args.model == "demo" and shipped.is_dir() else [])


def _load(
    args: argparse.Namespace, paths: list[Any], neurons: int, attention: str
) -> tuple[models.Model, tuple[features.Dictionary, ...]]:
    """Load the model and some dictionaries; print what stands for sites without one."""
    model = models.load_model(args.model, args.device, args.dtype)
    found = features.load_dictionaries(paths, model, args.offload)
    if not found:
        shown = f"the {neurons:,} neurons of largest attribution" if neurons else "all MLPs"
        if attention == HEADS_ATTENTION:
            shown = f"{shown} and all heads"
        print_message(
            f"Without dictionaries: {shown} are the nodes. --dictionaries takes SAEs and transcoders: "
            "a name downloads some (mwhanna/qwen3-0.6b-transcoders-lowl0), and 'circuitviz train-dictionary' "
            "makes them."
        )
        return model, found
    sites = {one.site.name for one in found}
    layers = range(model.shape.n_layers)
    if bare := [f"m{i}" for i in layers if model.shape.mlp and f"m{i}" not in sites]:
        shown = "shown as neurons" if neurons else "leaves"
        print_message(f"Without a dictionary, and so {shown}: the MLPs {', '.join(bare)}.")
    if heads := [f"a{i}" for i in layers if f"a{i}" not in sites]:
        shown = "passed through by edges" if attention == TRANSPARENT_ATTENTION else "shown as heads"
        print_message(f"Without a dictionary, and so {shown}: the attention {', '.join(heads)}.")
    return model, found


def open_prompt_from_flags(args: argparse.Namespace, query: AttributionQuery) -> workbench.PromptSession:
    """Open a query's prompt with the dictionaries that the flags name, or with neurons as nodes."""
    paths = _dictionary_paths(args) if query.needs_dictionaries else []
    model, found = _load(args, paths, query.neurons, query.attention)
    opening = workbench.open_prompt(model, replace(query, model=model.name), found)
    already_printed = {dictionary.misfit for dictionary in found}
    for warning in opening.warnings:
        if warning not in already_printed:
            print_message(warning)
    return opening


def answer_query(args: argparse.Namespace, query: AttributionQuery) -> tuple[workbench.PromptSession, State]:
    """Find the circuit that a query asks for, on the model and the dictionaries that the flags name.

    Returns:
        The open prompt, and a state with the circuit.
    """
    opening = open_prompt_from_flags(args, query)
    answer = run_with_progress_bar(opening.find_circuit(opening.query), "Tracing the features")
    return opening, State(answer.origin, answer.scores, answer.circuit)


def query_from_flags(args: argparse.Namespace, **fields: Any) -> AttributionQuery:
    """Build the query from the flags; ``fields`` are those of the query that one command alone has."""
    if args.convention == CIRCUIT_TRACER_CONVENTION and args.attention == HEADS_ATTENTION:
        raise InputError(
            f"--attention {HEADS_ATTENTION} was given with --convention {CIRCUIT_TRACER_CONVENTION}, in "
            f"which edges pass through heads; --attention {TRANSPARENT_ATTENTION}, or --convention "
            f"{OWN_CONVENTION}, would be right."
        )
    right, wrong = (tuple(side.split("|")) if side else () for side in (args.correct, args.incorrect))
    return AttributionQuery(
        args.model,
        args.prompt,
        corrupted=args.corrupted or "",
        correct=right,
        incorrect=wrong,
        bos=False if args.no_bos else None,
        tokens=_parse_token_ids(args.tokens),
        convention=args.convention,
        **nodes_from_flags(args),
        **fields,
    )


def nodes_from_flags(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a query that say what its nodes are: dictionaries, sites, neurons."""
    if args.neurons is not None and args.neurons < 0:
        raise InputError(f"--neurons was given {args.neurons}; a number from 0 on would be right.")
    folders = tuple(features.absolute_or_name(path) for path in args.dictionaries or ())
    named, neurons = getattr(args, "sites", None), args.neurons
    sites = None if named is None else tuple(site for site in named.split(",") if site)
    if sites is None and not folders and (neurons or not _dictionary_paths(args)):
        sites = ()
    if neurons is None:
        neurons = NEURON_COUNT if sites == () else 0
    attention = args.attention or (HEADS_ATTENTION if sites == () else TRANSPARENT_ATTENTION)
    return {"dictionaries": folders, "sites": sites, "neurons": neurons, "attention": attention}


def write_circuit(state: State, path: Path) -> None:
    """Write a circuit of features in the format that its suffix names."""
    formats.format_for(path, writing=True)
    formats.check_writable(path)
    formats.export_document(Document(state), path)
    print_message(f"wrote {path}")


def add_model_and_dictionary_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--dictionaries``, ``--offload``, ``--no-bos``, ``--device`` and ``--dtype``."""
    add_model_flag(parser)
    text = "a folder of SAEs or transcoders (SAELens, circuit-tracer, Gemma Scope, sparsify, Llama Scope), a "
    text += (
        "folder of such folders, or a name to download: RELEASE/ID of SAELens' table, or OWNER/REPOSITORY on "
    )
    text += "Hugging Face; may be given several times"
    parser.add_argument("--dictionaries", "--dictionary", action="append", metavar="PATH", help=text)
    parser.add_argument("--offload", choices=OFFLOAD_CHOICES, default=NO_OFFLOAD, help=OFFLOAD_TOOL_TIP)
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    add_device_flags(parser)


def add_prompt_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a model with dictionaries, and ``--prompt``."""
    add_model_and_dictionary_flags(parser)
    parser.add_argument("-p", "--prompt", required=True, help="the text")


def add_query_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--sites``, ``--tokens`` and ``--corrupted``."""
    text = "sites opened into features, for example a2,m3; the others are heads and MLPs; empty for none"
    parser.add_argument("--sites", help=text)
    add_basis_flags(parser)
    text = "circuit-tracer: its nodes (no biases, no position embeddings, no features and errors at position "
    text += "0, transparent attention) and logits minus their mean"
    parser.add_argument("--convention", choices=CONVENTION_NAMES, default=OWN_CONVENTION, help=text)
    parser.add_argument("--tokens", help="ids of the prompt's tokens, where its text does not give them")
    parser.add_argument("--corrupted", help="a prompt of as many tokens, used to evaluate the circuit")


def add_basis_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--neurons`` and ``--attention``."""
    text = "in MLPs without a dictionary, how many neurons are nodes, those of largest attribution "
    text += f"(default {NEURON_COUNT:,} where there are no dictionaries, else 0)"
    parser.add_argument("--neurons", type=int, metavar="N", help=text)
    text = (
        "where attention has no dictionary: edges pass through heads, or heads are nodes (the default where "
    )
    text += "there are no dictionaries)"
    parser.add_argument("--attention", choices=ATTENTION_MODES, help=text)


def add_target_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--target``."""
    text = "m3.f12@7 (a feature at position 7), m3.n45@7 (a neuron), a1.h2@7, a token after the prompt, "
    text += "resid2@7:TOWARD|AWAY (the residual stream before layer 2 along the difference of two texts), "
    text += "or, for local-circuit, logit-diff"
    parser.add_argument("--target", required=True, help=text)


def add_size_flags(parser: argparse.ArgumentParser, nodes: int = 100) -> None:
    """Add how large a circuit is to be; over many examples (more than 100 nodes) fewer ways are offered."""
    parser.add_argument(
        "--nodes", type=int, default=None, help=f"approximate number of nodes (default {nodes})"
    )
    parser.add_argument("--gate", default="absolute" if nodes > 100 else "signed", help="signed or absolute")
    if nodes <= 100:
        parser.add_argument("--tau", type=float, help="instead of --nodes: threshold of |attribution|")
        text = "hierarchical-attribution or direct-attribution"
        parser.add_argument("--method", default="hierarchical-attribution", help=text)


def _parse_token_ids(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--tokens was given '{text}'; ids with commas between would be right.") from None
