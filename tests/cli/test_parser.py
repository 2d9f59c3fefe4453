"""Commands are files of their own, found by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

import circuitviz.cli
from circuitviz.cli import run
from circuitviz.cli.parser import HELP_ORDER, command_names

TOY = '''
"""``circuitviz toy-count``: counts letters."""
SUMMARY = "count the letters of a word"


def add_flags(parser, argv):
    parser.add_argument("word")


def run(args):
    print(len(args.word))
    return 0
'''


def test_every_command_has_its_place_in_the_help() -> None:
    assert command_names() == list(HELP_ORDER)


def test_a_new_command_is_one_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cmd_toy_count.py").write_text(TOY)
    monkeypatch.setattr(circuitviz.cli, "__path__", [*circuitviz.cli.__path__, str(tmp_path)])
    assert command_names() == [*HELP_ORDER, "toy-count"]
    assert run(["toy-count", "letters"]) == 0
    assert capsys.readouterr().out == "7\n"
    with pytest.raises(SystemExit):
        run(["--help"])
    assert "count the letters of a word" in capsys.readouterr().out


def test_verbose_writes_a_log_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    package = logging.getLogger("circuitviz")
    before = package.level, list(package.handlers)
    try:
        assert run(["list", "models", "--verbose"]) == 0
        assert package.level == logging.DEBUG and len(package.handlers) == len(before[1]) + 1
        assert "demo" in capsys.readouterr().out
    finally:
        package.setLevel(before[0])
        package.handlers[:] = before[1]
