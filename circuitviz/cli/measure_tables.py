"""Measures as lines of text, for whoever reads a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from circuitviz.cli.output import format_number
from circuitviz.document.curve_areas import AREA_TITLES, describe_areas
from circuitviz.graph import TaskCheck


def measure_table(measure: str, data: dict[str, Any]) -> list[str]:
    """The lines of one measure; JSON for one that we know no table of."""
    if measure in MEASURE_TABLES:
        return MEASURE_TABLES[measure](data)
    return [f"{measure}:", json.dumps(data[measure], indent=1, ensure_ascii=False)]


def _curve_lines(data: dict[str, Any]) -> list[str]:
    lines = [f"{p['edges']:>7,} edges  {format_number(p['value'])}" for p in data["curve"]]
    if data.get("curve_random"):
        baselines = map(_random_text, data["curve_random"])
        lines = [f"{line:<24}  {text}" for line, text in zip(lines, baselines, strict=True)]
    return [*lines, ", ".join(describe_areas(data))]


def _random_text(baseline: dict[str, Any]) -> str:
    """Median and range of random circuits of one size."""
    return f"random {_interval_text(baseline)}"


def _random_lines(data: dict[str, Any]) -> list[str]:
    found = data["random"]
    size = f"{found['circuits']} random circuits of {found['asked']:,} edges"
    return [f"{size}: faithfulness {_random_text(found).removeprefix('random ')}  median and 95 % range"]


def _completeness_lines(data: dict[str, Any]) -> list[str]:
    lines = ["completeness: F of the circuit and of the model without K, and the gap"]
    for one in sorted(data["completeness"]["sets"], key=lambda one: -(one["gap"] or 0.0))[:20]:
        nodes = ", ".join(one["nodes"][:6]) + (" …" if len(one["nodes"]) > 6 else "")
        values = (
            format_number(one["circuit"]["value"]),
            format_number(one["model"]["value"]),
            format_number(one["gap"]),
        )
        lines.append(f"{values[0]:>9} {values[1]:>9} {values[2]:>9}  {one['name']}: {nodes}")
    return lines


def _minimality_lines(data: dict[str, Any]) -> list[str]:
    lines = ["minimality: the largest change of faithfulness that a node makes"]
    for need in data["minimality"]["nodes"]:
        rest = f"  without {', '.join(need['without'])}" if need["without"] else ""
        lines.append(f"{need['node']:>9} {format_number(need['value']):>9}{rest}")
    return lines


def _backup_lines(data: dict[str, Any]) -> list[str]:
    found = data["backup"]
    before, after = (format_number(found["metric"][when]) for when in ("before", "after"))
    lines = [f"backup: {', '.join(found['ablated'])} ablated, metric {before} → {after}; direct effects"]
    for head in found["heads"][:20]:
        low, high = head["change"]["low"], head["change"]["high"]
        lines.append(
            f"{head['node']:>9} {format_number(head['before']):>9} → {format_number(head['after']):>7}  "
            f"{head['change']['value']:+.3f}  [{format_number(low)}, {format_number(high)}]"
        )
    return lines


def _robustness_lines(data: dict[str, Any]) -> list[str]:
    lines = ["robustness: faithfulness in every setting"]
    for cell in data["robustness"]["cells"]:
        value = format_number(cell["value"]) if not cell.get("why") else "does not suit the task"
        lines.append(f"{cell['ablation']:>16} {cell['metric']:>11} {cell['patched']:>6}  {value}")
    return lines


def _stability_lines(data: dict[str, Any]) -> list[str]:
    found = data["stability"]
    always = sum(share == 1 for share in found["edges"].values())
    return [
        f"stability: mean IoU {format_number(found['mean_iou'])} of {found['resamples']} resamples; "
        f"{always:,} edges chosen always, {len(found['edges']):,} at least once"
    ]


def _ablations_lines(data: dict[str, Any]) -> list[str]:
    found = data["ablations"]
    lines = [f"ablations: of {found['target']}, everything else (or the circuit) at its ablation value"]
    for cell in found["cells"]:
        lines.append(
            f"{cell['ablation']:>10}, errors {cell['errors']:7}, patterns {cell['patterns']:6}  "
            f"faithfulness {format_number(cell['faithfulness'])}  "
            f"completeness {format_number(cell['completeness'])}  circuit {format_number(cell['circuit'])}, "
            f"rest {format_number(cell['rest'])}, model {format_number(cell['model'])}, "
            f"ablated {format_number(cell['ablated'])}"
        )
    return lines


def _predicted_lines(data: dict[str, Any]) -> list[str]:
    found = data["predicted"]
    lines = [f"predicted: change of {found['target']} for each node alone ({found['action']}), "
             f"{found['response']}; r {format_number(found['r'])}"]  # fmt: skip
    for point in sorted(found["points"], key=lambda p: -abs(p["predicted"]))[:20]:
        values = f"predicted {point['predicted']:+.4f}  measured {point['measured']:+.4f}"
        lines.append(f"{point['node']:>16} {values}")
    return lines


def _roles_lines(data: dict[str, Any]) -> list[str]:
    found = data["roles"]
    lines = ["roles: mean score in each role's standard test, the highest heads first"]
    named = [(f"{one['role']} ({one['unit']})", one["scores"]) for one in found["roles"].values()]
    wide = max((len(name) for name, _ in named), default=0)
    for name, scores in named:
        known = {head: score for head, score in scores.items() if score is not None}
        best = sorted(known, key=lambda head: -known[head])[:5]
        line = "  ".join(f"{head:>7} {format_number(known[head])}" for head in best)
        lines.append(f"{name:<{wide}}  {line or 'undefined'}")
    if found["movers"]:
        lines.append(f"taken as name movers: {', '.join(found['movers'])}")
    return [*lines, *(f"{name}: {why}" for name, why in found["missing"].items())]


def _rivals_lines(data: dict[str, Any]) -> list[str]:
    found = data["rivals"]
    lines = [
        f"rivals: {found['found']} found, of at most {found['edges']:,} edges, as faithful within "
        f"{found['tolerance']:g}, that share little (IoU at most {found['overlap']:g})"
    ]
    for number, faithfulness in enumerate(found["faithfulness"][1:], start=1):
        value, overlap = format_number(faithfulness["value"]), format_number(found["iou"][0][number])
        lines.append(f"  rival {number}  faithfulness {value}, IoU with the circuit {overlap}")
    if found["found"]:
        lines.append(f"shared by all, {len(found['core']):,} edges: {', '.join(found['core'][:8])}")
    elif "closest" in found:
        closest, overlap = format_number(found["closest"]["value"]), format_number(found["closest"]["iou"])
        lines.append(f"  the closest has faithfulness {closest}, IoU {overlap}")
    for prompt in found["prompts"]:
        metric = ", ".join(map(format_number, prompt["metric"]))
        lines.append(f"  told apart by prompt {prompt['prompt']} ({metric}): {prompt['text']}")
    return lines


def _generalisation_lines(data: dict[str, Any]) -> list[str]:
    lines = ["generalisation: found on one part of the prompts, judged on it and on the other"]
    for split in data["generalisation"]["splits"]:
        if why := split.get("why"):
            lines.append(f"{split['difference']:>16}  {why}")
            continue
        held_out, in_sample = (_interval_text(split[key]) for key in ("held_out", "in_sample"))
        lines.append(f"{split['difference']:>16}  held-out {held_out}, in-sample {in_sample}")
    return lines


def _interval_text(interval: dict[str, Any]) -> str:
    value, low, high = (format_number(interval[key]) for key in ("value", "low", "high"))
    return value if interval["low"] is None else f"{value} [{low}, {high}]"


def _mib_lines(data: dict[str, Any]) -> list[str]:
    lines = ["mib: areas under the curve, beside 'circuitviz mib' for more tasks and models"]
    for row in data["mib"]["rows"]:
        areas = ", ".join(
            f"{title} {_interval_text(row[area])}" for area, title in AREA_TITLES.items() if area in row
        )
        lines.append(f"{row['method']:>22}, {row['task']} ({row['sample']})  {areas or row['error']}")
    return lines


def _task_lines(data: dict[str, Any]) -> list[str]:
    return [TaskCheck.from_dict(data["task"]).summary]


def _sizes_lines(data: dict[str, Any]) -> list[str]:
    found = data["sizes"]
    lines = [f"sizes: the strongest nodes alone, and all but them; {found['ablation']} ablation"]
    for p in found["points"]:
        faithfulness, completeness = format_number(p["faithfulness"]), format_number(p["completeness"])
        values = f"faithfulness {faithfulness}  completeness {completeness}"
        lines.append(f"{p['nodes']:>7,} nodes  {values}  down to {p['last']}")
    return lines


MEASURE_TABLES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "curve": _curve_lines,
    "generalisation": _generalisation_lines,
    "random": _random_lines,
    "mib": _mib_lines,
    "task": _task_lines,
    "rivals": _rivals_lines,
    "completeness": _completeness_lines,
    "minimality": _minimality_lines,
    "backup": _backup_lines,
    "robustness": _robustness_lines,
    "stability": _stability_lines,
    "ablations": _ablations_lines,
    "predicted": _predicted_lines,
    "sizes": _sizes_lines,
    "roles": _roles_lines,
}
