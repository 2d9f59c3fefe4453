"""``circuitviz steer``: a model writes on, plain and with changed features, heads, MLPs or directions."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from circuitviz import formats, models, workbench
from circuitviz.cli.flags import add_device_flags
from circuitviz.cli.open_task_document import forbid_network, read_document
from circuitviz.cli.output import print_message, print_result, run_with_progress_bar
from circuitviz.document import State, add_steering
from circuitviz.errors import InputError
from circuitviz.graph import STEERING_ACTIONS, Intervention, parse_positions
from circuitviz.graph.steering import STEERED_TOKENS, SteeringQuery, SteeringResult, parse_strengths

SUMMARY = "write on after a prompt, plain and with features, heads or directions changed"
OPENS_MODEL = True
WITHOUT_AMOUNT = math.nan  # of an action whose amounts come from --strengths


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``steer``."""
    text = "a circuit's file, whose model, dictionaries and prompt are taken"
    parser.add_argument("circuit", type=Path, nargs="?", help=text)
    parser.add_argument("-m", "--model", help="demo, a Hugging Face name, or a folder")
    parser.add_argument("-p", "--prompt", help="the text that is gone on with")
    text = "what is steered: m2.f12 (a feature), m2.n34 (a neuron), a1.h2, m3, or resid4 with --toward and "
    text += "--away; may be given several times"
    parser.add_argument("--node", action="append", metavar="NODE", help=text)
    actions = parser.add_mutually_exclusive_group(required=True)
    for action, meaning in STEERING_ACTIONS.items():
        if action == "zero":
            actions.add_argument("--zero", action="store_true", help=meaning)
        else:
            actions.add_argument(
                f"--{action}", type=float, nargs="?", const=WITHOUT_AMOUNT, metavar="STRENGTH", help=meaning
            )
    parser.add_argument("--strengths", help="several strengths: 0,2,4, or --strengths=-4,0,4")
    parser.add_argument("--positions", help="only there, for example 0,5,-1: -1 is the prompt's last token")
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in STEERED_TOKENS.items())
    parser.add_argument("--steered", choices=list(STEERED_TOKENS), default="generated", help=meanings)
    text = "of a direction, resid4: the text that it points to, the residual stream before layer 4 at its end"
    parser.add_argument("--toward", metavar="TEXT", help=text)
    parser.add_argument("--away", metavar="TEXT", help="the text that it points away from")
    parser.add_argument("--tokens", type=int, default=40, help="how many tokens are written (default 40)")
    text = "0 (default): the likeliest token; else tokens are drawn from the softmax of logits / temperature"
    parser.add_argument("--temperature", type=float, default=0.0, help=text)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default 0)")
    text = "folders of dictionaries; may be given several times"
    parser.add_argument("--dictionaries", action="append", metavar="PATH", help=text)
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    text = "write the circuit with this text recorded in it to a file"
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=text)
    parser.add_argument("--table", action="store_true", help="print token by token")
    add_device_flags(parser, has_file=True)


def run(args: argparse.Namespace) -> int:
    """Write the texts; returns the exit code."""
    document = None if args.circuit is None else read_document(args)
    if args.output is not None:
        if document is None:
            raise InputError(
                "--output records the texts in a circuit's file; name the file before the flags."
            )
        formats.check_writable(args.output)
    query = _query_from_flags(args, State() if document is None else document.state)
    if document is not None:
        forbid_network(args)
    model = models.load_model(query.model, args.device, query.dtype)
    result = run_with_progress_bar(workbench.steer_steps(query, model), "Writing")
    if document is not None and args.output is not None:
        document.apply_command(add_steering(result))
        formats.save_document(document, args.output)
        print_message(f"wrote {args.output}")
    return print_result(args, result.to_json(), lambda: _as_text(result, args.table))


def _query_from_flags(args: argparse.Namespace, state: State) -> SteeringQuery:
    """The query of the flags; what they leave open is that of the document's circuit."""
    given = workbench.steering_defaults(state)
    given |= {name: getattr(args, name) for name in ("model", "prompt", "dtype") if getattr(args, name)}
    for name in ("model", "prompt"):
        if not given.get(name):
            raise InputError(f"There is no {name} to steer; --{name} would be right, or a circuit's file.")
    if args.dictionaries:
        given["dictionaries"] = tuple(str(Path(path).absolute()) for path in args.dictionaries)
    if not args.node:
        raise InputError("Nothing was named to steer; --node m2.f12 would be right, or --node a1.h2.")
    strengths = parse_strengths(args.strengths or "")
    positions = parse_positions(args.positions or "")
    change = Intervention(*_action_from_flags(args, strengths), positions)
    return SteeringQuery(
        **given,
        changes=dict.fromkeys(args.node, change),
        strengths=strengths,
        steered_tokens=args.steered,
        directions=_directions_from_flags(args),
        max_tokens=args.tokens,
        temperature=args.temperature,
        seed=args.seed,
        bos=False if args.no_bos else None,
    )


def _action_from_flags(args: argparse.Namespace, strengths: tuple[float, ...]) -> tuple[str, float]:
    """The action, and its amount: 1 where the strengths give it."""
    action = next(name for name in STEERING_ACTIONS if getattr(args, name) not in (None, False))
    amount = getattr(args, action)
    if amount is True:  # --zero
        if strengths:
            raise InputError("--strengths was given with --zero, which has none; --scale would be right.")
        return action, 1.0
    if math.isnan(amount) != bool(strengths):
        raise InputError(
            f"--{action} takes one strength (--{action} 4), or several come from --strengths "
            f"(--{action} --strengths 0,2,4)."
        )
    return action, 1.0 if math.isnan(amount) else amount


def _directions_from_flags(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    if (args.toward is None) != (args.away is None):
        raise InputError("--toward and --away belong together: a direction lies between two texts.")
    if args.toward is None:
        return {}
    names = [name for name in args.node if name.startswith("resid")]
    if not names:
        raise InputError("--toward and --away are of a direction; --node resid4, for example, would name it.")
    return dict.fromkeys(names, (args.toward, args.away))


def _as_text(result: SteeringResult, has_table: bool) -> str:
    """The texts one below another, and with a table token by token."""
    lines = [f"{result.query.prompt!r}, {result.query.description}"]
    for text in result.continuations:
        moved = text.mean_log_probability_ratio
        note = "" if moved is None or text.is_plain else f"  (log probability ratio {moved:+.2f} a token)"
        lines += ["", f"{text.title}{note}", f"  {text.text!r}"]
    if has_table:
        lines += ["", formats.format_csv(result.table()).rstrip("\n")]
    return "\n".join(lines)
