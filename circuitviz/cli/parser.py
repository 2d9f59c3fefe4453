"""The flags of every verb; a method's own options become flags from its options dataclass."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from circuitviz.cli.prompt_flags import PROMPT_COMMANDS as FEATURE_VERBS
from circuitviz.cli.prompt_flags import add_prompt_commands
from circuitviz.errors import InputError, suggest_name
from circuitviz.graph import SELECTIONS

COMMANDS = (
    *("discover", "evaluate", "compare", "inspect", "export", "import"),
    *("train-dictionary", *FEATURE_VERBS, "label", "list"),
)
READINGS = ("lens", "attention", "effects", "patching", "ov", "qk", "features-ov", "features-qk")
ATTENTION_SIDES = ("clean", "corrupted", "difference")
LISTABLE_KINDS = ("models", "tasks", "methods", "metrics", "measures", "ablations", "references", "formats")


class CommandLineParser(argparse.ArgumentParser):
    """argparse, but a wrong word is one line like every other wrong input."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage and exiting."""
        raise InputError(f"{message[0].upper()}{message[1:]}. See '{self.prog} --help'.")


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse a command line; the result's ``run`` takes the result and returns the exit code."""
    first = next((word for word in argv if not word.startswith("-")), None)
    if first in COMMANDS or (argv and argv[0] in ("-h", "--help", "--version")):
        return _parse_command(argv)
    return _parse_window_arguments(argv)


def _parse_window_arguments(argv: list[str]) -> argparse.Namespace:
    """No verb: open the application, perhaps with a file."""
    parser = CommandLineParser(prog="circuitviz")
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("-m", "--model")
    parser.add_argument("-t", "--task")
    parser.add_argument("--demo", action="store_true", help="open the demo circuit at once")
    given, unknown = parser.parse_known_args(argv)
    if given.file is not None and not given.file.exists():
        raise InputError(
            f"There is no file or command '{given.file}'; give a .circuit file, or one of "
            f"{', '.join(COMMANDS)}." + suggest_name(str(given.file), COMMANDS)
        )
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    given.run = _command_runner("open")
    return given


def _parse_command(argv: list[str]) -> argparse.Namespace:
    from circuitviz import __version__

    parser = CommandLineParser(
        prog="circuitviz",
        description="Find circuits in transformer language models, draw them, take them apart. "
        "Without a command, the application opens: circuitviz [FILE.circuit] [--model M] "
        "[--task T] [--demo].",
    )
    parser.add_argument("--version", action="version", version=f"circuitviz {__version__}")
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="COMMAND", parser_class=CommandLineParser
    )
    _add_discover_flags(verbs.add_parser("discover", help="find a circuit"), argv)
    _add_evaluate_flags(verbs.add_parser("evaluate", help="measure a circuit"), argv)
    compare = verbs.add_parser("compare", help="what two circuits share")
    compare.add_argument("left", type=Path)
    text = "the reference: a file, or a name of 'circuitviz list references'"
    compare.add_argument("right", type=Path, help=text)
    inspect = verbs.add_parser("inspect", help="logit lens, direct attribution and attention of a node")
    inspect.add_argument("circuit", type=Path, help="a file, or a reference's name")
    _add_other_setting_flags(inspect)
    inspect.add_argument("--node", help="for example a3.h1, m2, input")
    inspect.add_argument("--prompt", default="0", help="number of the prompt, from 0; or all")
    inspect.add_argument("--reading", choices=READINGS, help="print one reading of the prompt as CSV")
    inspect.add_argument("--side", choices=ATTENTION_SIDES, default="clean", help="of attention")
    inspect.add_argument("--weighted", action="store_true", help="attention times the size of values")
    inspect.add_argument("--source", help="of features-ov and -qk: where the edge into the node comes from")
    inspect.add_argument("--head", default="", help="of features-qk; without it the head that carries most")
    inspect.add_argument("--query", type=int, help="of features-qk: position; without it the node's own")
    inspect.add_argument("--key", type=int, help="of features-qk: position; without it the source's")
    _add_device_flag(inspect)
    for name, text in (
        ("export", "write a picture or another tool's file"),
        ("import", "read another tool's file"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("source", type=Path)
        verb.add_argument("-o", "--output", type=Path, required=True)
        if name == "export" and "export" in argv:  # the flags' module imports Qt
            _add_figure_flags(verb)
        if name == "import":
            _add_import_flags(verb)
    _add_train_flags(
        verbs.add_parser("train-dictionary", help="train SAEs and transcoders on a text file"), argv
    )
    add_prompt_commands(verbs)
    labels = verbs.add_parser("label", help="say what parts do, test it, carry labels between files")
    if "label" in argv:
        from circuitviz.cli.label_flags import add_label_actions

        add_label_actions(labels, argv)
    listing = verbs.add_parser("list", help="what there is")
    listing.add_argument("what", choices=LISTABLE_KINDS)
    for name, verb in verbs.choices.items():
        if name != "label":  # each of its own verbs has it
            verb.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(argv)
    given.run = _command_runner(given.verb)
    return given


def _add_discover_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    parser.add_argument("-m", "--model", default="demo", help="demo, a Hugging Face name, or a folder")
    parser.add_argument("-t", "--task", default="ioi", help="a task's name, or a CSV, JSONL or JSON file")
    _add_skip_flag(parser)
    parser.add_argument("--method", default="eap-ig")
    parser.add_argument("--edges", type=int, help="how many edges to keep (default 200)")
    parser.add_argument(
        "--select",
        choices=SELECTIONS,
        help="how to choose edges: greedy by default; own, what the method kept, for acdc; nodes, the "
        "strongest nodes with all edges between them, for methods that score nodes",
    )
    parser.add_argument("--threshold", type=float, help="with --select threshold: least |score|")
    parser.add_argument("-o", "--output", type=Path, help="write a .circuit file")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    _add_setting_flags(parser)
    _add_device_flag(parser)
    name = _flag_value(argv, "--method", "eap-ig")
    if "discover" in argv:  # a method's options need its module, which imports torch
        _add_method_options(parser, name)


def _add_method_options(parser: argparse.ArgumentParser, name: str) -> None:
    from circuitviz.cli.available import method_options

    group = parser.add_argument_group(f"options of {name}")
    for entry in method_options(name):
        text = f"{entry.help} (default {entry.default}{', ' + entry.bounds if entry.bounds else ''})"
        group.add_argument(entry.flag, dest=f"option_{entry.name}", metavar="VALUE", help=text)


def _add_evaluate_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    parser.add_argument("circuit", type=Path, help="a file, or a reference's name")
    _add_other_setting_flags(parser)
    parser.add_argument(
        "--measures",
        default="faithfulness",
        help="with commas between them: faithfulness and what 'circuitviz list measures' names",
    )
    _add_setting_flags(parser)
    text = "of circuits of features: what dictionaries do not reconstruct"
    parser.add_argument("--errors", choices=("kept", "dropped"), help=text)
    _add_device_flag(parser)
    if "evaluate" in argv:
        from circuitviz.cli.available import measure_options

        for name in _flag_value(argv, "--measures", "faithfulness").split(","):
            for entry in measure_options(name.strip()):
                flag = f"--{name.strip()}-{entry.flag[2:]}"
                dest = f"measure_{name.strip()}_{entry.name}"
                parser.add_argument(flag, dest=dest, metavar="VALUE", help=entry.help)


def _add_import_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", help="the model that the circuit is of")
    parser.add_argument("-t", "--task", help="the task that it is measured on")
    text = (
        "of the scores: keep where positive helps the metric, flip where it hurts, auto where the exact "
        "effects of the strongest edges decide; by default auto with --model and --task, and else unknown"
    )
    parser.add_argument("--sign", choices=("keep", "flip", "auto"), help=text)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    _add_skip_flag(parser)
    _add_setting_flags(parser)
    _add_device_flag(parser)


def _add_train_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    parser.add_argument("text", type=Path, help="plain text; a line, or what blank lines part, is a passage")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder, in SAELens' form")
    parser.add_argument("-m", "--model", default="demo", help="demo, a Hugging Face name, or a folder")
    text = "with commas: aLAYER an SAE on attention, mLAYER a transcoder of the MLP (default: every site)"
    parser.add_argument("--sites", help=text)
    _add_device_flag(parser)
    if "train-dictionary" in argv:  # the recipe's module imports torch
        from circuitviz.options import describe_options
        from circuitviz.training import DictionaryRecipe

        for entry in describe_options(DictionaryRecipe):
            text = f"{entry.help} (default {entry.default})"
            parser.add_argument(entry.flag, dest=f"recipe_{entry.name}", metavar="VALUE", help=text)


def _add_figure_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of a picture and of a plot, made from their options."""
    from circuitviz.options import describe_options
    from circuitviz.shapes.figure_options import FigureOptions
    from circuitviz.shapes.plot_axes import PlotFigureOptions

    text = "a measure that the file holds, drawn as its plot, for example curve"
    parser.add_argument("--plot", metavar="MEASURE", help=text)
    group = parser.add_argument_group("of a picture")
    both = {
        entry.name: entry
        for options in (PlotFigureOptions, FigureOptions)
        for entry in describe_options(options)
    }
    for entry in both.values():
        dest = f"figure_{entry.name}"
        if entry.kind is bool:
            yes_or_no = argparse.BooleanOptionalAction
            group.add_argument(entry.flag, dest=dest, action=yes_or_no, default=None, help=entry.help)
        else:
            choices = f": {', '.join(entry.choices)}" if entry.choices else ""
            text = f"{entry.help}{choices} (default {entry.default})".replace("%", "%%")
            group.add_argument(entry.flag, dest=dest, metavar="VALUE", help=text)


def _add_other_setting_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", help="another model of the same shape")
    parser.add_argument("-t", "--task", help="another task, or the task of a file that names none")
    _add_skip_flag(parser)
    parser.add_argument("--prompts", type=int, default=64, help="prompts of a task given here")
    parser.add_argument("--seed", type=int, default=0, help="seed of a task given here")


def _add_skip_flag(parser: argparse.ArgumentParser) -> None:
    text = "leave out the rows of a task file that cannot be used, and say how many and why"
    parser.add_argument("--skip-unusable", action="store_true", help=text)


def _add_setting_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metric", help="the task's own by default")
    parser.add_argument("--ablation", default=None, help="corrupted, zero, mean, mean-positional")


def _add_device_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")


def _flag_value(argv: list[str], flag: str, default: str) -> str:
    for at, word in enumerate(argv):
        if word == flag and at + 1 < len(argv):
            return argv[at + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return default


def _command_runner(name: str) -> Callable[[argparse.Namespace], int]:
    def run(given: argparse.Namespace) -> int:
        from importlib import import_module

        module = import_module(f"circuitviz.cli.cmd_{name.replace('-', '_')}")
        code: int = module.run(given)
        return code

    return run
