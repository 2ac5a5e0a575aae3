"""The tables of a run, to be pasted into `RESULTS.md`."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report import Goal

Row = dict[str, str]


def markdown(
    conditions: Mapping[str, Any],
    tables: Mapping[str, Sequence[Row]],
    goals: Sequence[Goal],
    left_out: Sequence[str],
    finished: bool,
) -> str:
    """Return the conditions, the tables with their titles, the goals, and what is missing."""
    met = sum(goal.met for goal in goals)
    parts = [f"## {title_of(conditions)}, {conditions['date'][:10]}", sentence(conditions)]
    parts += [f"{title}:\n\n{table(rows)}" for title, rows in tables.items()]
    parts.append(f"{met} of {len(goals)} goals were met.")
    missed = [goal for goal in goals if not goal.met]
    if missed:
        lines = (f"- missed: {goal.what}: {goal.value:.3g}, {goal.verdict}" for goal in missed)
        parts.append("\n".join(lines))
    if left_out:
        parts.append("\n".join(["Left out:", "", *(f"- {line}" for line in left_out)]))
    if not finished:
        parts.append("**The run was cut off here.**")
    return "\n\n".join(parts) + "\n"


def title_of(conditions: Mapping[str, Any]) -> str:
    """Return the name of what it was measured on."""
    gpu: str | None = conditions.get("gpu")
    return gpu or f"A trial of the script on a CPU ({conditions['cpu']})"


def sentence(conditions: Mapping[str, Any]) -> str:
    """Return the conditions in words."""
    words = [f"torch {conditions['torch']}", f"transformers {conditions['transformers']}"]
    if "gpu" in conditions:
        triton = conditions["triton"]
        driver = conditions.get("driver", "unknown")
        words = [
            conditions["gpu"],
            f"{conditions['memory_gb']:.0f} GB",
            f"capability {conditions['capability']}",
            f"power limit {conditions.get('power_limit', 'unknown')}",
            f"driver {driver}",
            f"CUDA {conditions['cuda']}",
            *words,
            "no triton" if triton is None else f"triton {triton}",
            "fused kernels" if conditions["fused_kernels"] else "no fused kernels",
            f"float32 products in {conditions['float32_products']!r} precision",
        ]
    peaks = ", ".join(
        f"{dtype} {peak / 1e12:.3g} TF/s" for dtype, peak in conditions["peaks"].items()
    )
    return f"{'; '.join(words)}. Largest matrix products: {peaks}."


def table(rows: Sequence[Row]) -> str:
    """Return rows of one set of columns."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([row[c] for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
