"""The flags of ``circuitviz label``; a test's own options become flags from its options dataclass."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz.cli.flags import add_common_flags, add_device_flags, add_option_flags
from circuitviz.evaluation import claims
from circuitviz.options import describe_options

OPTION_DEST_PREFIX = "option_"


def add_label_actions(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add one subcommand for each thing that can be done with labels."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    listing = verbs.add_parser("list", help="all labels, and what the tests of their claims found")
    put = verbs.add_parser("set", help="label a part, or change its label")
    remove = verbs.add_parser("remove", help="take a label away")
    suggest = verbs.add_parser("suggest", help="how each head scores in the standard test of each role")
    test = verbs.add_parser("test", help="test what labels claim, and keep the verdicts in the file")
    export = verbs.add_parser("export", help="labels as .csv or .jsonl")
    take = verbs.add_parser("import", help="labels from .csv or .jsonl into a circuit file")
    for verb in (listing, put, remove, suggest, test, export, take):
        verb.add_argument("circuit", type=Path, help="a .circuit file")
        add_common_flags(verb)
    for verb in (put, remove):
        verb.add_argument("target", help="a2.h6, m3.f12@7, m0->a2.h6<q>, group:NAME or class:NAME")
    put.add_argument("role", help="for example 'Name Mover'")
    put.add_argument("--note")
    put.add_argument("--colour", help="#rrggbb")
    put.add_argument("--confidence", type=float, help="from 0 to 1")
    put.add_argument("--author")
    suggest.add_argument("--node", help="one head; without it, the first heads of each role")
    suggest.add_argument("--top", type=int, default=5, help="how many heads of each role (default 5)")
    help_text = "random tokens that are said twice (default 25)"
    suggest.add_argument("--length", type=int, default=25, help=help_text)
    for verb in (suggest, test):
        add_device_flags(verb, has_file=True)
        verb.set_defaults(model=None, task=None, prompts=64, seed=0)
    test.add_argument("--target", help="one label; without it, all labels")
    test.add_argument("--all", action="store_true", help="also claims whose verdicts still stand")
    help_text = (
        "add a claim to the target: answer, attention or role; of features activation or feature-effect"
    )
    test.add_argument("--test", help=help_text)
    test.add_argument("--claim", help="the claim in words, where it is not to be said by itself")
    export.add_argument("-o", "--output", type=Path, required=True)
    take.add_argument("labels", type=Path)
    if "--test" in argv[:-1]:  # a test's options need its module, which imports torch
        _add_test_options(test, argv[argv.index("--test") + 1])


def _add_test_options(parser: argparse.ArgumentParser, name: str) -> None:
    group = parser.add_argument_group(f"options of {name}")
    add_option_flags(group, describe_options(claims.claim_tests.get(name).options), OPTION_DEST_PREFIX)
