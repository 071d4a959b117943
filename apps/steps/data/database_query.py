"""Step type `database_query`: ask a database, or change what is in it."""

import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from apps.core.egress import checked_addresses
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, OnCrash, Params, StepType
from apps.steps.context import StepContext
from apps.steps.databases.answers import Question
from apps.steps.databases.postgres import ask_postgres
from apps.steps.databases.sqlite import ask_sqlite
from apps.steps.databases.urls import PostgresUrl, SqliteUrl, parse_url
from apps.steps.files.content import keep, require_unchanged
from apps.steps.http.outgoing import bounded_timeout
from apps.steps.registry import register

MAX_SETS = 10_000
_TIMEOUT = timedelta(seconds=30)
_CONNECT_S = 10
# The server ends a query that takes too long; its process outlives that a little.
_GRACE_S = 5.0

Parameters = list[Json] | dict[str, Json]


class DatabaseQueryParams(Params):
    """Which query goes to which database."""

    url: SecretStr = Field(
        description="`postgresql://user:password@host:5432/name?sslmode=require`, or "
        "`sqlite:///data/file.db` for a file of the workspace. Take it from a secret."
    )
    query: Annotated[str, StringConstraints(min_length=1, max_length=100_000)] = Field(
        description="One SQL statement, written out: it takes no expressions. Values "
        "stand in `parameters`: in PostgreSQL as `%s` or `%(name)s` (and `%%` for a "
        "percent sign), in SQLite as `?` or `:name`."
    )
    parameters: Parameters | None = Field(
        default=None, description="A list, or a mapping by name."
    )
    each: list[Parameters] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SETS,
        description="Several sets of parameters: the query is run once for each, all "
        "in one transaction.",
    )
    mode: Literal["read", "write"] = Field(
        default="read", description="`read` can change nothing."
    )
    max_rows: int = Field(default=10_000, ge=1, le=100_000)
    timeout: Duration = Field(
        default=_TIMEOUT, description="For each time that the query is run."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.parameters is not None and self.each is not None:
            raise ValueError("give either `parameters` or `each`")
        return self

    @property
    def question(self) -> Question:
        """What is asked; only lists and mappings of JSON values are in it."""
        sets = self.each if self.each is not None else [self.parameters or []]
        seconds = self.timeout.total_seconds()
        is_write = self.mode == "write"
        return Question(self.query, sets, is_write, self.max_rows, seconds)


@register("database_query")
class DatabaseQuery(StepType[DatabaseQueryParams]):
    """Run a SQL statement in a PostgreSQL database or a SQLite file.

    The output is `{rows, columns, count, affected, truncated}`; each row is a mapping
    by column, `affected` how many rows were changed. Dates are ISO texts, binary
    values base64; a decimal number that JSON would round is a text. With
    `mode: read`, which is the default, the transaction is read only.

    When a worker dies while it writes, nobody knows whether the changes were made.

    Example:
        - id: open
          type: database_query
          params:
            url: "{{ secrets.erp_database }}"
            query: "SELECT id, total FROM orders WHERE customer = %s"
            parameters: ["{{ inputs.customer }}"]
    """

    params_class = DatabaseQueryParams
    effect = Effect.WRITE
    on_crash = OnCrash.FAIL
    literal_params = frozenset({"query"})

    def effect_of(self, params: DatabaseQueryParams) -> Effect:
        return Effect.READ if params.mode == "read" else Effect.WRITE

    def summary(self, params: DatabaseQueryParams) -> str:
        return f"run {' '.join(params.query.split())[:200]!r}"

    def run(self, params: DatabaseQueryParams, ctx: StepContext) -> Json:
        url = parse_url(params.url.get_secret_value())
        if isinstance(url, SqliteUrl):
            answer = _ask_file(url, params, ctx)
        else:
            answer = _ask_server(url, params, ctx)
        for warning in answer.pop("warnings"):
            ctx.warn(warning)
        return answer


def _ask_server(
    url: PostgresUrl, params: DatabaseQueryParams, ctx: StepContext
) -> JsonObject:
    import certifi

    connect_s = bounded_timeout(ctx, timedelta(seconds=_CONNECT_S))
    addresses = checked_addresses(
        url.host, url.port, policy=ctx.policy, timeout=connect_s
    )
    answer: JsonObject = ctx.bounded(
        ask_postgres,
        url,
        [address.sockaddr[0] for address in addresses],
        certifi.where(),
        params.question,
        _CONNECT_S,
        seconds=_CONNECT_S + _longest(params),
    )
    return answer


def _ask_file(
    url: SqliteUrl, params: DatabaseQueryParams, ctx: StepContext
) -> JsonObject:
    question = params.question
    with contextlib.ExitStack() as stack:
        if question.is_write and not ctx.files.exists(url.path):
            before = None
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rpa-db-"))
            copy = Path(folder, "new.db")
        else:
            before = ctx.files.stat(url.path)
            copy = stack.enter_context(ctx.files.local_copy(url.path))
        answer: JsonObject = ctx.bounded(
            ask_sqlite,
            str(copy),
            question,
            seconds=_longest(params),
            answer_bytes=ctx.files.max_bytes,
        )
        if question.is_write:
            require_unchanged(ctx, url.path, before)
            with copy.open("rb") as file:
                keep(ctx, url.path, file)
    return answer


def _longest(params: DatabaseQueryParams) -> float:
    """Seconds that all runs of the query may take."""
    times = len(params.each) if params.each is not None else 1
    return params.timeout.total_seconds() * times + _GRACE_S
