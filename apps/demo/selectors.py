"""What the pages of the demo site show."""

import uuid
from dataclasses import dataclass

from django.db.models import Count

from apps.core.types import JsonObject
from apps.demo.layout import ROUNDS
from apps.demo.models import DemoAttempt, DemoHook
from apps.demo.people import COLUMNS, person

HOOKS_SHOWN = 20


@dataclass(frozen=True)
class RoundResult:
    """A round on the score page; `wrong` names the fields that were not right."""

    number: int
    right: int
    wrong: tuple[str, ...]
    seconds: str


@dataclass(frozen=True)
class Score:
    """The end of an attempt; `seconds` from Start to the last Submit."""

    right: int
    total: int
    seconds: str
    rounds: tuple[RoundResult, ...]

    @property
    def is_perfect(self) -> bool:
        """Whether no field was wrong."""
        return self.right == self.total


@dataclass(frozen=True)
class OpenAttempt:
    """An attempt and the round to fill next; `ROUNDS + 1` when all are done."""

    attempt: DemoAttempt
    number: int


def attempt_id(key: str | None) -> uuid.UUID | None:
    """What a key (an UUID in hex) names, if it is one."""
    try:
        return uuid.UUID(key or "")
    except ValueError:
        return None


def attempt_find(key: str | None) -> OpenAttempt | None:
    """The attempt with this key, if there is one."""
    if (identifier := attempt_id(key)) is None:
        return None
    named = DemoAttempt.objects.filter(id=identifier)
    found = named.annotate(done=Count("rounds")).first()
    return OpenAttempt(found, found.done + 1) if found else None


def score(attempt: DemoAttempt) -> Score | None:
    """How a finished attempt went; None while rounds are open."""
    rounds = list(attempt.rounds.all())
    if len(rounds) < ROUNDS:
        return None
    results, before = [], attempt.created_at
    for done in rounds:
        expected = person(done.number)
        wrong = tuple(
            label for label in COLUMNS if done.answers[label] != expected[label]
        )
        taken = (done.created_at - before).total_seconds()
        results.append(RoundResult(done.number, done.right, wrong, f"{taken:.2f}"))
        before = done.created_at
    return Score(
        right=sum(done.right for done in rounds),
        total=ROUNDS * len(COLUMNS),
        seconds=f"{(before - attempt.created_at).total_seconds():.2f}",
        rounds=tuple(results),
    )


def hooks_latest() -> list[JsonObject]:
    """The newest received webhooks, newest first."""
    return [
        {
            "id": str(hook.id),
            "received_at": hook.created_at.isoformat(),
            "key": hook.key or None,
            "payload": hook.payload,
        }
        for hook in DemoHook.objects.all()[:HOOKS_SHOWN]
    ]
