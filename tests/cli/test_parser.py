"""Commands are files of their own, found by their names."""

from __future__ import annotations

import subprocess
import sys
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


def test_who_waits_at_a_terminal_is_told_before_the_libraries_load() -> None:
    """torch cannot be imported here, so that what is printed was printed before it."""
    lines = """if True:
        import sys

        class Terminal:
            def write(self, text): sys.stdout.write(text)
            def flush(self): pass
            def isatty(self): return sys.argv[1] == "terminal"

        sys.modules["torch"], sys.stderr = None, Terminal()
        from circuitviz.__main__ import main
        print("exit code", main(["discover", *sys.argv[2:]]))"""
    waiting = "loading the libraries of models ..."
    for words, is_told in ((["terminal"], True), (["terminal", "--help"], False), (["file"], False)):
        ended = subprocess.run([sys.executable, "-c", lines, *words], capture_output=True, text=True)
        first, *_ = ended.stdout.splitlines()
        assert (first == waiting) == is_told, ended.stdout + ended.stderr


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
