"""How readings of nodes and plots show themselves in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuitviz.formats.text_escapes import escape_html
from circuitviz.notebook.html_parts import format_number, make_output, make_table
from circuitviz.notebook_methods import displays
from circuitviz.plots import BarPlot, HeatMapPlot, LinePlot, TablePlot

if TYPE_CHECKING:
    from circuitviz.lens import NodeReading
    from circuitviz.workbench.prompt_node_reading import PromptNodeReading

LINE_WIDTH, LINE_HEIGHT, LINE_MARGIN = 560.0, 220.0, 34.0
DASHES = ("", "6 3", "2 3", "8 3 2 3")
MOST_CELLS = 6400  # of a heat map, 80 tokens squared


@displays.register("NodeReading", summary="logit lens, direct attribution, attention")
def show_node_reading(reading: NodeReading) -> str:
    """The tokens that a node promotes and suppresses, its direct attribution and its attention pattern."""
    told = f"prompt {reading.prompt}: {''.join(reading.tokens)}"
    direct = reading.direct_logit_attribution
    parts = [] if direct is None else [f"<div>direct logit attribution {format_number(direct)}</div>"]
    for title, tokens in (
        ("promoted", reading.top),
        ("suppressed", reading.bottom),
        ("answers", reading.answers),
    ):
        rows = [(one.token, one.logit, one.probability, one.answer) for one in tokens]
        if rows:
            parts.append(
                f"<b>{title}</b>" + make_table(("token", "logit", "probability", "answer"), rows, bars_of=1)
            )
    if reading.attention is not None:
        parts.append("<b>attention</b>" + _heat_map(reading.tokens, reading.tokens, reading.attention))
    return make_output(reading.node, told, *parts)


@displays.register("PromptNodeReading", summary="activation and tokens of a node of one prompt")
def show_prompt_node_reading(reading: PromptNodeReading) -> str:
    """A node's activation, and the tokens that its direction raises and lowers most."""
    known = (("activation", reading.activation), ("share of its site's norm", reading.norm_fraction))
    told = ", ".join(f"{name} {format_number(value)}" for name, value in known if value is not None)
    parts = [
        f"<b>{title}</b>"
        + make_table(("token", "effect"), [(one.token, one.value) for one in tokens], bars_of=1)
        for title, tokens in (
            ("promoted", reading.promoted_tokens),
            ("suppressed", reading.suppressed_tokens),
        )
        if tokens
    ]
    return make_output(reading.node, told, *parts)


@displays.register("BarPlot", summary="bars")
def show_bars(plot: BarPlot) -> str:
    """A row with a bar for each name."""
    header, *rows = plot.table()
    return make_output(plot.axis_label, "", make_table(header, rows, bars_of=1))


@displays.register("TablePlot", summary="table")
def show_table(plot: TablePlot) -> str:
    """The table."""
    return make_output("Table", "", make_table(plot.columns, plot.rows))


@displays.register("HeatMapPlot", summary="heat map")
def show_heat_map(plot: HeatMapPlot) -> str:
    """A coloured cell for each number, which is read by pointing at it."""
    return make_output(plot.unit, "", _heat_map(plot.rows, plot.columns, plot.values))


@displays.register("LinePlot", summary="lines")
def show_lines(plot: LinePlot) -> str:
    """The lines, told apart by dashes, and their names."""
    values = [v for line in plot.lines.values() for v in line if v == v]
    if not values or not plot.x:
        return make_output(plot.y_label, f"against {plot.x_label}")
    (left, right), (low, high) = (min(plot.x), max(plot.x)), (min(values), max(values))

    def place(x: float, y: float) -> str:
        across = LINE_MARGIN + (x - left) / ((right - left) or 1.0) * (LINE_WIDTH - 2 * LINE_MARGIN)
        up = LINE_HEIGHT - LINE_MARGIN - (y - low) / ((high - low) or 1.0) * (LINE_HEIGHT - 2 * LINE_MARGIN)
        return f"{across:.1f},{up:.1f}"

    drawn = []
    for row, (name, line) in enumerate(plot.lines.items()):
        points = " ".join(place(x, y) for x, y in zip(plot.x, line, strict=True) if y == y)
        dash = f";stroke-dasharray:{DASHES[row % len(DASHES)]}" if row % len(DASHES) else ""
        drawn.append(
            f'<polyline points="{points}" style="fill:none;stroke:var(--cv-accent);stroke-width:2{dash}">'
            f"<title>{escape_html(name)}</title></polyline>"
        )
    for x, y, told in ((left, low, low), (left, high, high)):
        at = place(x, y).split(",")
        drawn.append(
            f'<text x="4" y="{at[1]}" font-size="11" '
            f'style="fill:var(--cv-muted)">{format_number(float(told))}</text>'
        )
    for x in (left, right):
        at = place(x, low).split(",")
        drawn.append(
            f'<text x="{at[0]}" y="{LINE_HEIGHT - 12}" font-size="11" text-anchor="middle" '
            f'style="fill:var(--cv-muted)">{format_number(float(x))}</text>'
        )
    picture = (
        f'<svg width="{LINE_WIDTH:g}" height="{LINE_HEIGHT:g}" viewBox="0 0 {LINE_WIDTH:g} {LINE_HEIGHT:g}">'
        f"{''.join(drawn)}</svg>"
    )
    return make_output(plot.y_label, f"against {plot.x_label}: {', '.join(plot.lines)}", picture)


def _heat_map(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]]) -> str:
    if len(rows) * len(columns) > MOST_CELLS:
        return f'<div class="muted">{len(rows):,} × {len(columns):,} numbers are not drawn here.</div>'
    largest = max((abs(v) for row in values for v in row if v is not None), default=0.0) or 1.0
    head = "".join(f"<th>{escape_html(name)}</th>" for name in columns)
    body = ""
    for name, row in zip(rows, values, strict=True):
        cells = ""
        for column, value in zip(columns, row, strict=True):
            if value is None:
                cells += "<td></td>"
                continue
            ink, share = "negative" if value < 0 else "positive", abs(value) / largest
            told = f"{name} → {column}: {format_number(float(value))}"
            cells += (
                f'<td title="{escape_html(told)}"><svg width="18" height="14"><rect width="18" height="14" '
                f'style="fill:var(--cv-{ink})" fill-opacity="{share:.3f}"/></svg></td>'
            )
        body += f"<tr><th>{escape_html(name)}</th>{cells}</tr>"
    return f'<div class="scrolled"><table><tr><th></th>{head}</tr>{body}</table></div>'
