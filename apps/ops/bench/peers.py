"""Figures of other programs, measured by somebody on the same machine, as ratios."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.ops.bench.base import BenchError

Figures = dict[str, dict[str, float]]
"""By `case.figure`: median, min and max of each program, by its name."""


def read(place: Path) -> dict[str, Figures]:
    """The peers' figures by name, from a `.jsonl` file or a folder of such files.

    Each line is `{"peer", "case", "unit", "median", "min", "max"}`, its case named as
    here, such as `short.executions_per_s`. Of two lines for one thing the later holds.

    Raises:
        BenchError: there is no such file, or a line is not like that.
    """
    files = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    peers: dict[str, Figures] = {}
    for file in files:
        for number, line in enumerate(_lines(file), 1):
            try:
                one = json.loads(line)
                values = {name: float(one[name]) for name in ("median", "min", "max")}
                peers.setdefault(str(one["peer"]), {})[str(one["case"])] = values
            except (ValueError, KeyError, TypeError) as error:
                raise BenchError(f"{file}, line {number}: {error!r}") from error
    if not peers:
        raise BenchError(f"no peers' figures in {place}")
    return peers


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"cannot read {file}: {error}") from error


def ratios(
    cases: Mapping[str, Mapping[str, Any]], peers: Mapping[str, Figures]
) -> dict[str, dict[str, float]]:
    """Ours divided by theirs, by `case.figure` and peer, wherever both have it."""
    found: dict[str, dict[str, float]] = {}
    for case, figures in cases.items():
        for figure, ours in figures.items():
            key = f"{case}.{figure}"
            for peer, theirs in peers.items():
                if key in theirs and theirs[key]["median"]:
                    ratio = ours["median"] / theirs[key]["median"]
                    found.setdefault(key, {})[peer] = float(f"{ratio:.3g}")
    return found


def flat(cases: Mapping[str, Mapping[str, Any]]) -> Figures:
    """Figures of cases as a peer's."""
    return {
        f"{case}.{name}": one
        for case, all_ in cases.items()
        for name, one in all_.items()
    }
