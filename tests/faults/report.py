"""One row a fault: played, judged, and written down."""

import re
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults import oracles
from tests.faults.case import Dose, Fault, NotRun, Run
from tests.faults.oracles import Verdict
from tests.faults.programs import ROOT
from tests.faults.stack import Stack

FILE = ROOT / "docs" / "faults.md"
_ROW = re.compile(r"^\| (F\d\d) \|", re.MULTILINE)
_MOST_NAMED = 5

INTRODUCTION = """\
# Faults

What the platform made of the faults that we know how to cause, as last played by

```
python3 manage.py faults --doses full
```

It is played on a whole platform: PostgreSQL, Redis, web, beat, two workers of five,
and a server that counts effects. Executions of four steps are under way, every fifth
with an effect that nobody may repeat. How a fault is made:
[Add a fault](howto/add-a-fault.md).

- *Lost*: accepted and without an end.
- *Doubled*: an effect, a recorded step or an end that is there twice.
- *Unknown*: effects whose worker died between asking for them and recording the
  answer. They are not repeated, and the execution says so.
- *Seconds*: from the end of the fault (from the blow, where it has no end) until what
  was struck goes on and work is started or finished again.
"""
HEAD = """\
| | fault | expected | submitted | completed | lost | doubled | unknown | seconds \
| result | seen | played |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass
class Row:
    """What became of a fault; `took_s` is all of it, from load to verdict."""

    fault: Fault
    dose: Dose
    verdict: Verdict = field(default_factory=Verdict)
    recovered_s: float | None = None
    facts: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    not_run: str = ""
    took_s: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether everything held, or nothing was played."""
        found = self.verdict
        return not (self.wrong or found.wrong or found.lost or found.doubled)

    @property
    def problems(self) -> list[str]:
        """All that is wrong."""
        found = self.verdict
        lost = [f"lost {text}" for text in found.lost]
        doubled = [f"doubled {text}" for text in found.doubled]
        return [*self.wrong, *lost, *doubled, *found.wrong]

    def line(self, day: str) -> str:
        """Its line of the table."""
        found, fault = self.verdict, self.fault
        counts = [found.submitted, found.completed, len(found.lost), len(found.doubled)]
        cells = [fault.number, fault.title, fault.expected]
        if self.not_run:
            cells += ["-"] * 6 + ["not run", self.not_run]
        else:
            recovered = "-" if self.recovered_s is None else f"{self.recovered_s:.1f}"
            cells += [*map(str, counts), str(len(found.unknown)), recovered]
            cells += ["holds" if self.is_good else "**broken**", self._seen()]
        clean = (cell.replace("|", "/").replace("\n", " ") for cell in cells)
        return f"| {' | '.join(clean)} | {day} {self.dose} |"

    def _seen(self) -> str:
        found, seen = self.verdict, list(self.facts)
        if found.unknown:
            shown = ", ".join(one[:8] + "…" + one[-4:] for one in found.unknown[:3])
            seen.append(f"unknown: `effect` of {shown}")
        others = {code: n for code, n in found.failed.items() if code != UNKNOWN}
        seen += [f"{count} ended {code}" for code, count in sorted(others.items())]
        if found.repeated:
            seen.append(f"{found.repeated} keyed requests came again under their key")
        problems = self.problems
        seen += [text[:160] for text in problems[:_MOST_NAMED]]
        if len(problems) > _MOST_NAMED:
            seen.append(f"and {len(problems) - _MOST_NAMED} more")
        return "; ".join(seen) or "-"


UNKNOWN = "unknown_outcome"


def play(fault: Fault, stack: Stack, dose: Dose) -> Row:
    """Play a fault and judge it; a fault of the harness itself is a row too."""
    run, row = Run(stack, dose), Row(fault, dose)
    began = time.monotonic()
    try:
        try:
            fault.play(run)
        finally:
            for load in run.loads:
                if run.wrong:
                    load.close()
        run.finish()
        row.verdict = oracles.judge(run)
    except NotRun as reason:
        row.not_run = str(reason)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        run.wrong.append(f"{type(error).__name__}: {error} ({where.name})")
    finally:
        for load in run.loads:
            load.close()
    row.recovered_s, row.facts, row.wrong = run.recovered_s, run.facts, run.wrong
    row.took_s = time.monotonic() - began
    return row


def write(rows: list[Row], versions: str, *, file: Path = FILE) -> None:
    """Put the rows into the document; those of other faults stay as they are."""
    day = datetime.now(UTC).date().isoformat()
    lines = _known(file) | {row.fault.number: row.line(day) for row in rows}
    table = "\n".join(line for _, line in sorted(lines.items()))
    text = f"{INTRODUCTION}\nLast played {day} on {versions}.\n\n{HEAD}{table}\n"
    file.write_text(text)


def _known(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = file.read_text().splitlines()
    return {found[1]: line for line in lines if (found := _ROW.match(line))}
