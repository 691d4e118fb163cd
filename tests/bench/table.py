"""The figures for people, and for programs."""

import json
from collections.abc import Iterable

from tests.bench.figure import Figure

_HEAD = ("", "ours", "theirs", "value", "target", "", "")


def as_table(figures: Iterable[Figure]) -> str:
    """Return one line a figure, in columns; `value` is ours / theirs where both are rates."""
    rows = [_HEAD, *map(_row, figures)]
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]).rstrip()
        for name, *cells in rows
    )


def as_json(figures: Iterable[Figure]) -> str:
    """Return a JSON object of name and value."""
    return json.dumps({figure.name: round(figure.value, 4) for figure in figures}, indent=1) + "\n"


def _row(figure: Figure) -> tuple[str, ...]:
    target = verdict = ""
    if figure.at_least is not None:
        target = f"≥ {figure.at_least:g}"
    elif figure.at_most is not None:
        target = f"≤ {figure.at_most:g}"
    if target:
        verdict = "short" if figure.short else "ok"
    sides = ("" if side is None else f"{_number(side)} {figure.unit}" for side in (figure.ours, figure.theirs))
    return figure.name, *sides, _number(figure.value), target, verdict, figure.note


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
