"""Where the seven fields of a round stand: pure, and the same for the same seed.

A robot that goes by position, order, id or name fails; one that goes by label works.
"""

import hashlib
import random
from dataclasses import dataclass

from apps.demo.people import COLUMNS

ROUNDS = 10
GRID_COLUMNS = 12
# Fields a row; each adds up to seven.
_ROWS = (
    (2, 2, 3),
    (3, 2, 2),
    (2, 3, 2),
    (1, 3, 3),
    (3, 1, 3),
    (2, 2, 2, 1),
    (1, 2, 2, 2),
)
_WIDEST = {1: 8, 2: 6, 3: 4}
_NARROWEST = {1: 5, 2: 4, 3: 3}


@dataclass(frozen=True)
class Field:
    """A field of one round: its label, its id and name, its cell in the grid."""

    label: str
    name: str
    row: int
    start: int
    span: int


@dataclass(frozen=True)
class RoundForm:
    """The form of one round; `token` tells rounds and attempts apart."""

    number: int
    token: str
    fields: tuple[Field, ...]
    submit: str  # start | center | end


def round_token(seed: str, number: int) -> str:
    """The hidden value by which a posted form says which round it belongs to."""
    return hashlib.sha256(f"{seed}:{number}:token".encode()).hexdigest()[:32]


def round_form(seed: str, number: int) -> RoundForm:
    """The form of round `number` (from 1).

    Raises:
        ValueError: there is no such round.
    """
    if not 1 <= number <= ROUNDS:
        raise ValueError(f"there is no round {number}")
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - a layout, no secret
    cells = _cells(chance)
    names = _names(chance)
    fields = tuple(
        Field(label, name, *cell)
        for label, name, cell in zip(_order(seed, number), names, cells, strict=True)
    )
    submit = chance.choice(("start", "center", "end"))
    return RoundForm(number, round_token(seed, number), fields, submit)


def _order(seed: str, number: int) -> list[str]:
    """Labels from top to bottom; none stays where it was a round before."""
    chance = random.Random(f"{seed}:order")  # noqa: S311 - a layout, no secret
    order = chance.sample(COLUMNS, len(COLUMNS))
    for _ in range(number - 1):
        before = order
        while any(old == new for old, new in zip(before, order, strict=True)):
            order = chance.sample(COLUMNS, len(COLUMNS))
    return order


def _names(chance: random.Random) -> list[str]:
    found: set[str] = set()
    while len(found) < len(COLUMNS):
        found.add(f"f{chance.getrandbits(40):010x}")
    return chance.sample(sorted(found), len(found))


def _cells(chance: random.Random) -> list[tuple[int, int, int]]:
    """Row, first column and width of each field, without overlap."""
    cells = []
    for row, count in enumerate(chance.choice(_ROWS), start=1):
        spans = [
            chance.randint(_NARROWEST[count], _WIDEST[count]) for _ in range(count)
        ]
        free = GRID_COLUMNS - sum(spans)
        start = 1
        for span in spans:
            gap = chance.randint(0, free)
            free -= gap
            cells.append((row, start + gap, span))
            start += gap + span
    return cells
