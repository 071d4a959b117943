"""The list of executions: what is looked for, and how the form says it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.http import QueryDict

from apps.accounts import selectors as accounts
from apps.accounts.viewer import Viewer
from apps.core.errors import Invalid
from apps.core.text import is_storable
from apps.dashboard.models import SavedFilter
from apps.dashboard.wording import CRASHED, SHOWN_STATES, TRIGGERS
from apps.executions.labels import read_sought, text_of
from apps.executions.models import Execution
from apps.executions.search import Wanted
from apps.workflows import selectors as workflows

WORKFLOWS_OFFERED, PEOPLE_OFFERED, FILTERS_OFFERED = 500, 500, 50
LONGEST_TEXT = 200
FIELDS = (
    *("state", "workflow", "trigger", "user", "since", "until"),
    *("shortest", "longest", "text"),
)
MORE = frozenset(FIELDS) - {"state", "workflow"}
_LONGEST_S = 10_000_000


@dataclass(frozen=True)
class Filter:
    """What the form says.

    Attributes:
        texts: its fields that are filled, by name, as they were sent; labels are
            apart, since there may be several.
    """

    texts: dict[str, str]
    wanted: Wanted

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels as the address names them."""
        return tuple(map(text_of, self.wanted.labels))

    @property
    def query(self) -> str:
        """The fields as a query string."""
        return self.with_labels(self.labels)

    @property
    def is_set(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.texts or self.wanted.labels)

    @property
    def has_more(self) -> bool:
        """Whether any of the seldom used fields is filled."""
        return bool(MORE & self.texts.keys())

    @property
    def without_each(self) -> list[tuple[str, str]]:
        """Its labels, each with the query string of the filter without it."""
        return [
            (label, self.with_labels(one for one in self.labels if one != label))
            for label in self.labels
        ]

    def with_labels(self, labels: Iterable[str]) -> str:
        """The query string of the filter with these labels instead of its own."""
        return urlencode([*self.texts.items(), *(("label", one) for one in labels)])


def filter_of(sent: QueryDict) -> Filter:
    """Read the form.

    Raises:
        Invalid: a field that cannot be used, with its name.
    """
    found = {name: str(sent.get(name, "")).strip() for name in FIELDS}
    texts = {name: text for name, text in found.items() if text}
    state = _one_of(texts, "state", SHOWN_STATES)
    return Filter(
        texts,
        Wanted(
            statuses=(Execution.FAILED if state == CRASHED else state,)
            if state
            else (),
            is_crash=state == CRASHED if state in (CRASHED, Execution.FAILED) else None,
            workflow_id=_id(texts, "workflow"),
            trigger=_one_of(texts, "trigger", Execution.TRIGGERS),
            user_id=_id(texts, "user"),
            since=_moment(texts, "since"),
            until=_moment(texts, "until"),
            shortest=_seconds(texts, "shortest"),
            longest=_seconds(texts, "longest"),
            labels=read_sought(_filled(sent.getlist("label"))),
            text=_text(texts),
        ),
    )


def _filled(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text.strip()]


def _refused(name: str, message: str) -> Invalid:
    return Invalid(errors=[{"path": name, "message": message}])


def _one_of(texts: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = texts.get(name, "")
    if value and value not in known:
        raise _refused(name, f"{value[:50]!r} is none of {', '.join(known)}")
    return value


def _id(texts: Mapping[str, str], name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(texts[name]) if name in texts else None
    except ValueError as error:
        raise _refused(name, "must be an id") from error


def _moment(texts: Mapping[str, str], name: str) -> datetime | None:
    """A time as browsers send it, which is in UTC."""
    if name not in texts:
        return None
    try:
        found = datetime.fromisoformat(texts[name])
    except ValueError as error:
        raise _refused(name, "must be a date and time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _seconds(texts: Mapping[str, str], name: str) -> timedelta | None:
    if name not in texts:
        return None
    try:
        seconds = float(texts[name])
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_S:
        raise _refused(name, "must be a number of seconds")
    return timedelta(seconds=seconds)


def _text(texts: Mapping[str, str]) -> str:
    text = texts.get("text", "")
    if len(text) > LONGEST_TEXT or not is_storable(text):
        raise _refused("text", f"must be text of {LONGEST_TEXT} characters at most")
    return text


class Choices:
    """What the form offers; each list is read when it is shown.

    What is chosen stands there even if it is none of the first: the form sent again
    must not lose it.
    """

    states = SHOWN_STATES
    triggers = tuple(TRIGGERS.items())

    def __init__(self, viewer: Viewer, chosen: Wanted) -> None:
        self._viewer = viewer
        self._chosen = chosen

    @property
    def workflows(self) -> list[tuple[str, str]]:
        rows = workflows.workflow_list(viewer=self._viewer, archived=None)
        found = rows.order_by("name").values_list("id", "name")[:WORKFLOWS_OFFERED]
        offered = [(str(key), name) for key, name in found]
        return _with_chosen(offered, self._chosen.workflow_id)

    @property
    def people(self) -> list[tuple[str, str]]:
        if not self._viewer.role:
            return []
        rows = accounts.member_list(viewer=self._viewer).order_by("user__email")
        users = [row.user for row in rows[:PEOPLE_OFFERED]]
        offered = [(str(user.id), user.name or user.email) for user in users]
        return _with_chosen(offered, self._chosen.user_id)

    @property
    def saved(self) -> list[SavedFilter]:
        rows = SavedFilter.objects.filter(user_id=self._viewer.require_user().id)
        return list(rows.order_by("name")[:FILTERS_OFFERED])


def _with_chosen(
    offered: list[tuple[str, str]], chosen: uuid.UUID | None
) -> list[tuple[str, str]]:
    if chosen is None or any(key == str(chosen) for key, _ in offered):
        return offered
    return [*offered, (str(chosen), "one that is not listed")]
