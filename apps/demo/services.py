"""Everything that changes what the demo site remembers."""

import uuid
from collections.abc import Mapping

from django.db import transaction
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from apps.core.errors import Conflict
from apps.core.types import Json
from apps.demo.layout import ROUNDS, round_form, round_token
from apps.demo.models import DemoAttempt, DemoHook, DemoRound
from apps.demo.people import COLUMNS, person

# No value of the file is half as long; more is not worth keeping.
_ANSWER_MAX_CHARS = 500


def attempt_start() -> DemoAttempt:
    """A new attempt, whose clock runs from now."""
    return DemoAttempt.objects.create()


@transaction.atomic
def round_submit(
    *, attempt_id: uuid.UUID | None, token: str, posted: Mapping[str, str]
) -> int:
    """Count a submitted form once and say which round comes next.

    Args:
        token: the form's hidden value.
        posted: the form's values by the field names of its round.

    Returns:
        Number of the next round; `ROUNDS + 1` when there is none.

    Raises:
        Conflict: there is no such attempt, or the form is of another one or of a
            round to come.
    """
    # The lock makes two posts of one form wait for each other.
    locked = DemoAttempt.objects.select_for_update()
    attempt = locked.filter(id=attempt_id).first() if attempt_id else None
    if attempt is None:
        raise Conflict("No attempt is open in this browser.", round=0)
    current = attempt.rounds.count() + 1
    if any(token == round_token(attempt.seed, done) for done in range(1, current)):
        return current
    if current > ROUNDS or token != round_token(attempt.seed, current):
        raise Conflict("This form belongs to another attempt.", round=current)
    _round_record(attempt, current, posted)
    return current + 1


def _round_record(attempt: DemoAttempt, number: int, posted: Mapping[str, str]) -> None:
    expected = person(number)
    names = {
        field.label: field.name for field in round_form(attempt.seed, number).fields
    }
    answers = {label: _kept(posted.get(names[label], "")) for label in COLUMNS}
    right = sum(answers[label] == expected[label] for label in COLUMNS)
    DemoRound.objects.create(
        attempt=attempt, number=number, answers=answers, right=right
    )
    if number == ROUNDS:
        DemoAttempt.objects.filter(id=attempt.id).update(finished_at=Now())


def _kept(answer: str) -> str:
    # PostgreSQL's JSON holds no NUL; one in an answer makes it wrong anyway.
    return answer[:_ANSWER_MAX_CHARS].replace("\0", "\N{REPLACEMENT CHARACTER}")


def hook_receive(*, payload: Json, key: str = "") -> int:
    """Keep a received body, once for each key, and say how many there are now."""
    # A plain None would be SQL's NULL and no JSON value.
    payload = Value(None, JSONField()) if payload is None else payload
    if key:
        DemoHook.objects.bulk_create(
            [DemoHook(key=key, payload=payload)], ignore_conflicts=True
        )
    else:
        DemoHook.objects.create(payload=payload)
    return DemoHook.objects.count()
