"""Labels as people write them, and finding executions by them."""

from collections.abc import Iterable
from typing import TypeAlias

from django.db.models import QuerySet

from apps.core.errors import Invalid
from apps.core.text import is_storable
from apps.executions.models import Execution
from apps.workflows.definition.labels import (
    LONGEST_NAME,
    LONGEST_VALUE,
    check_labels,
)

# A label that is looked for: its name, and its value or None for any.
Sought: TypeAlias = tuple[str, str | None]
MOST_SOUGHT = 10


def read_sought(texts: Iterable[str]) -> tuple[Sought, ...]:
    """Labels as queries name them: `team:finance`, or `team` for any value.

    Raises:
        Invalid: one that cannot be a label, or too many.
    """
    found = tuple(dict.fromkeys(_sought(text) for text in texts))
    if len(found) > MOST_SOUGHT:
        raise _refused(f"must be {MOST_SOUGHT} at most")
    return found


def _sought(text: str) -> Sought:
    name, colon, value = (part.strip() for part in text.partition(":"))
    is_short = len(name) <= LONGEST_NAME and len(value) <= LONGEST_VALUE
    if not name or not is_short or not is_storable(text):
        raise _refused("must be a name, or name:value")
    return name, value if colon else None


def text_of(label: Sought) -> str:
    """The label as queries name it."""
    name, value = label
    return name if value is None else f"{name}:{value}"


def with_labels(
    rows: QuerySet[Execution], labels: Iterable[Sought]
) -> QuerySet[Execution]:
    """Those that have all of the labels."""
    for name, value in labels:
        if value is None:
            rows = rows.filter(labels__has_key=name)
        else:
            rows = rows.filter(labels__contains={name: value})
    return rows


def read_lines(text: str) -> dict[str, str]:
    """Labels written one a line, as `team: finance`.

    Raises:
        Invalid: a line that is no label.
    """
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            message = "must be lines such as team: finance"
            raise Invalid(errors=[{"path": "labels", "message": message}])
        found[name] = value
    return check_labels(found)


def _refused(message: str) -> Invalid:
    return Invalid(errors=[{"path": "label", "message": message}], code="invalid_query")
