"""The command line: results on standard output, everything else on standard error, never a traceback."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from circuitviz.cli.interrupts import INTERRUPTED_EXIT_CODE, interrupts_handled
from circuitviz.cli.output import input_warnings_printed, log_to_standard_error, print_warning
from circuitviz.cli.parser import parse_arguments
from circuitviz.errors import ComputationError, InputError


def run(argv: list[str], owns_process: bool = False) -> int:
    """Run one command.

    Args:
        argv: the command line without the program's name.
        owns_process: whether the process runs nothing but this command, so that a command that computes may
            defer imports of libraries; the window, which has threads, never does.

    Returns:
        The exit code: 0 done, 1 a computation failed, 2 the input was wrong, 130 interrupted.
    """
    try:
        args = parse_arguments(argv)
        if args.verbose:
            log_to_standard_error()
        if owns_process and "verb" in args:  # the window is the command without a name
            # the layers of models are not loaded before the words are parsed, nor for the window
            from circuitviz.models.deferred_imports import allow_deferred_imports

            allow_deferred_imports()
        with interrupts_handled(), input_warnings_printed(), ExitStack() as args.closing:
            exit_code: int = args.run(args)
            if sys.stdout is not None:
                sys.stdout.flush()
        return exit_code
    except InputError as error:
        return _print_error(error, 2)
    except ComputationError as error:
        return _print_error(error, 1)
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _print_error("This machine's memory was not enough; fewer prompts would be right.", 1)
    except Exception as error:  # a bug: still one line, unless the traceback was asked for
        if os.environ.get("CIRCUITVIZ_TRACEBACK"):
            raise
        kind = type(error).__name__
        return _print_error(f"{kind}: {error} (set CIRCUITVIZ_TRACEBACK=1 for the traceback)", 1)


def _print_error(message: object, exit_code: int) -> int:
    print_warning(" ".join(str(message).split()))
    return exit_code
