"""``circuitviz groups``: groups of a prompt circuit's features, proposed, accepted and judged."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz import formats, workbench
from circuitviz.cli.flags import add_device_flags
from circuitviz.cli.open_task_document import open_prompt_experiment, read_document
from circuitviz.cli.output import format_number, print_message, print_result, run_with_progress_bar
from circuitviz.document import group_several
from circuitviz.errors import InputError, suggest_name

SUMMARY = "propose groups of features that read and write alike"
OPENS_MODEL = True
ALL_GROUPS = "all"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``groups``."""
    parser.add_argument("circuit", type=Path, help="a file with a circuit of one prompt")
    parser.add_argument("-m", "--model", help="another model of the same shape")
    text = "least mean similarity of the features of a group, 0 to 1 (default 0.5)"
    parser.add_argument("--similarity", type=float, default=0.5, help=text)
    text = "names of proposed groups that are accepted, or all where none is called so; may be given several "
    text += "times"
    parser.add_argument("--accept", action="append", default=[], metavar="NAME", help=text)
    parser.add_argument("--accept-all", action="store_true", help="accept all proposed groups")
    parser.add_argument("-o", "--output", type=Path, help="write the circuit with the accepted groups")
    parser.set_defaults(prompts=0, seed=0)
    add_device_flags(parser, has_file=True)


def run(args: argparse.Namespace) -> int:
    """Propose groups, and accept those that are named; returns the exit code."""
    if bool(args.accept or args.accept_all) != (args.output is not None):
        raise InputError(
            "--accept (or --accept-all) and -o belong together: accepted groups are written to a file."
        )
    document = read_document(args)
    if not document.state.is_prompt_circuit:
        raise InputError(
            f"'{args.circuit}' holds no circuit of one prompt; one of 'circuitviz local-circuit' would be "
            "right."
        )
    if args.output is not None:
        formats.check_writable(args.output)
    experiment = open_prompt_experiment(args, document)
    steps = workbench.propose_groups_steps(experiment.session, document.state, args.similarity)
    found = run_with_progress_bar(steps, "Comparing features")
    if args.output is not None:
        proposed = {group.name: group for group in found.groups}
        takes_all = ALL_GROUPS in args.accept and ALL_GROUPS not in proposed
        names = list(proposed) if args.accept_all or takes_all else args.accept
        for name in names:
            if name not in proposed:
                message = f"No group '{name}' was proposed; there is {', '.join(proposed) or 'none'}."
                raise InputError(message + suggest_name(name, proposed))
        document.apply_command(group_several((name, proposed[name].nodes) for name in dict.fromkeys(names)))
        formats.export_document(document, args.output)
        print_message(f"wrote {args.output}")

    def text() -> str:
        lines = [f"{len(found.groups)} groups proposed, {found.n_ungrouped} features in none"]
        for group in found.groups:
            parts = ", ".join(f"{part} {value:.2f}" for part, value in group.parts.items())
            lines.append(f"  {group.score:.2f}  {group.name}: {', '.join(group.nodes)}  ({parts})")
        whole, grouped = format_number(found.circuit_faithfulness), format_number(found.grouped_faithfulness)
        return "\n".join([*lines, f"faithfulness {whole}; of the groups alone {grouped}"])

    return print_result(args, found.as_dict(), text)
