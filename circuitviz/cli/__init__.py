"""The command line: results on standard output, everything else on standard error, never a traceback."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from circuitviz.errors import ComputationError, InputError


def run(argv: list[str]) -> int:
    """Run one command; 0 done, 1 a computation failed, 2 the input was wrong, 130 interrupted."""
    from circuitviz.cli.interrupts import interrupts_handled
    from circuitviz.cli.output import input_warnings_printed
    from circuitviz.cli.parser import parse_arguments

    try:
        given = parse_arguments(argv)
        with interrupts_handled(), input_warnings_printed(), ExitStack() as given.closing:
            code: int = given.run(given)
            if sys.stdout is not None:
                sys.stdout.flush()
        return code
    except InputError as error:
        return _print_error(error, 2)
    except ComputationError as error:
        return _print_error(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _print_error("This machine's memory was not enough; fewer prompts would be right.", 1)
    except Exception as error:  # a fault of ours: still one line, unless asked for more
        if os.environ.get("CIRCUITVIZ_TRACEBACK"):
            raise
        kind = type(error).__name__
        return _print_error(f"{kind}: {error} (set CIRCUITVIZ_TRACEBACK=1 for the traceback)", 1)


def _print_error(message: object, exit_code: int) -> int:
    from circuitviz.cli.output import print_escaped

    text = " ".join(str(message).split())
    print_escaped(f"circuitviz: {text}", sys.stderr)
    return exit_code
