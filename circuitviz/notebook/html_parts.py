"""HTML of notebooks' outputs: escaped texts, tables, and colours that follow the notebook's theme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from circuitviz.formats.text_escapes import escape_html
from circuitviz.number_text import rounded_number
from circuitviz.scene.theme import THEMES

FRAME_COLOURS = ("panel", "line", "text", "muted", "accent", "ground", "positive", "negative")
FRAME = "circuitviz-output"
MOST_ROWS = 200  # of a table; what is left out is said
STYLE = f"""
.{FRAME} {{ background: var(--cv-panel); color: var(--cv-text); border: 1px solid var(--cv-line);
  border-radius: 6px; padding: 8px 12px; max-width: 1000px; font: 13px/1.45 system-ui, "Segoe UI", sans-serif;
  overflow-wrap: anywhere; }}
.{FRAME} b {{ font-weight: 600; }}
.{FRAME} small, .{FRAME} .muted {{ color: var(--cv-muted); }}
.{FRAME} .scrolled {{ overflow: auto; max-height: 560px; }}
.{FRAME} table {{ border-collapse: collapse; color: inherit; margin: 6px 0; }}
.{FRAME} td, .{FRAME} th {{ text-align: left; padding: 2px 14px 2px 0; background: none; border: 0;
  border-bottom: 1px solid var(--cv-line); font: inherit; font-variant-numeric: tabular-nums; }}
.{FRAME} th {{ font-weight: 600; }}
.{FRAME} svg {{ display: block; max-width: 100%; height: auto; }}
"""


def format_number(value: object) -> str:
    """A number with four digits, an empty text for none, other values as escaped text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return rounded_number(value, 4)
    return escape_html(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value)


def theme_rules(selector: str, variables: Mapping[str, Mapping[str, str]]) -> str:
    """CSS that sets variables by theme: that which JupyterLab or VS Code names, else the system's.

    Args:
        selector: The element that gets the variables.
        variables: By ``light`` and ``dark``, colours by the names of the variables.
    """
    light, dark = (
        "".join(f"--cv-{name}:{colour};" for name, colour in variables[theme].items())
        for theme in ("light", "dark")
    )
    named = {
        '[data-jp-theme-light="true"]': light,
        ".vscode-light": light,
        '[data-jp-theme-light="false"]': dark,
        ".vscode-dark": dark,
    }
    return f"{selector}{{{light}}}@media (prefers-color-scheme:dark){{{selector}{{{dark}}}}}" + "".join(
        f"{theme} {selector}{{{rules}}}" for theme, rules in named.items()
    )


def make_output(title: str, summary: str, *parts: str) -> str:
    """One output: a title, a line below it, and what follows.

    Args:
        title: Plain text.
        summary: Plain text.
        *parts: HTML.
    """
    colours = {
        name: {colour: getattr(theme, colour) for colour in FRAME_COLOURS} for name, theme in THEMES.items()
    }
    line = f"<br><small>{escape_html(summary)}</small>" if summary else ""
    return (
        f"<style>{theme_rules('.' + FRAME, colours)}{STYLE}</style>"
        f'<div class="{FRAME}"><b>{escape_html(title)}</b>{line}{"".join(parts)}</div>'
    )


def make_table(header: Sequence[object], rows: Iterable[Sequence[object]], bars_of: int | None = None) -> str:
    """A table of texts and numbers; of more than ``MOST_ROWS`` rows, the first.

    Args:
        header: The names of the columns.
        rows: A value for each column.
        bars_of: A column of numbers, each of which has a bar at the end of its row.
    """
    rows = list(rows)
    drawn = [[format_number(cell) for cell in row] for row in rows[:MOST_ROWS]]
    if bars_of is not None:
        header = (*header, "")
        values: list[Any] = [row[bars_of] for row in rows[:MOST_ROWS]]
        for cells, bar in zip(drawn, _draw_bars(values), strict=True):
            cells.append(bar)
    head = "".join(f"<th>{escape_html(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for cells in drawn)
    rest = f"<small>{MOST_ROWS:,} of {len(rows):,} rows</small>" if len(rows) > MOST_ROWS else ""
    return f'<div class="scrolled"><table><tr>{head}</tr>{body}</table></div>{rest}'


def _draw_bars(values: Sequence[float | None]) -> list[str]:
    """For each value, a bar from the middle to the right, or to the left where it is negative."""
    largest = max((abs(v) for v in values if v is not None), default=0.0) or 1.0
    drawn = []
    for value in values:
        length = 60 * abs(value or 0.0) / largest
        left = 60 - length if (value or 0.0) < 0 else 60
        ink = "negative" if (value or 0.0) < 0 else "positive"
        drawn.append(
            '<svg width="120" height="10" viewBox="0 0 120 10">'
            '<path d="M60 0V10" style="stroke:var(--cv-line)"/>'
            f'<rect x="{left:.1f}" y="1" width="{length:.1f}" height="8" style="fill:var(--cv-{ink})"/></svg>'
        )
    return drawn
