"""What a step gets to work with.

The engine makes one for each attempt. In tests the fixture `step_ctx` makes one
with real parts and a temporary workspace.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from apps.core.types import Json, JsonObject

if TYPE_CHECKING:
    from apps.core.egress import Policy
    from apps.core.http import HttpClient
    from apps.core.mail import Mailer
    from apps.core.workspace import Workspace
    from apps.steps.browser.session import BrowserSession


@dataclass(frozen=True)
class Resumption:
    """Why a parked step runs again.

    Attributes:
        data: what the step handed to `Park`.
        parked_at: when it was parked (aware UTC).
        due_at: when it was to run again, if it said so.
    """

    data: Json
    parked_at: datetime
    due_at: datetime | None


class WorkflowCaller(Protocol):
    """Starts other workflows for `call_workflow`."""

    def start(self, workflow: str, inputs: JsonObject, *, key: str, waits: bool) -> str:
        """Start a child execution; the same `key` gives the same execution.

        Args:
            workflow: id or name of a workflow of the same organization.
            waits: whether the caller goes on only when the child has ended.

        Returns: the child's execution id.

        Raises:
            PermanentFailure: no such workflow, bad inputs, too deep.
        """

    def result(self, execution_id: str) -> JsonObject:
        """`{id, status, outputs, variables, error}` of a child execution."""


@dataclass(frozen=True)
class Waiting:
    """Something outside that a step waits for, as it stands now.

    Attributes:
        expires_at: after this no answer is taken (aware UTC); None: it waits on.
        is_over: its time has passed without an answer.
        answer: what came, None until then.
        answered_at: when it came (aware UTC).
        untold: links to answer it, by the mail addresses that were not yet told.
    """

    id: str
    expires_at: datetime | None = None
    is_over: bool = False
    answer: JsonObject | None = None
    answered_at: datetime | None = None
    untold: Mapping[str, str] = field(default_factory=dict)


class Waits(Protocol):
    """Opens what steps wait for.

    Opening again, for the same path and attempt, finds what was opened before and
    what has come since then.
    """

    def approval(
        self,
        request: JsonObject,
        *,
        path: str,
        attempt: int,
        timeout: timedelta | None,
    ) -> Waiting:
        """Ask people for a decision; the answer is `{decision, reason, by}`.

        Args:
            request: `{title, message, approvers, allow_own}`.
        """

    def call(
        self,
        request: JsonObject,
        *,
        path: str,
        attempt: int,
        timeout: timedelta | None,
    ) -> Waiting:
        """Wait for a call of the resume URL; the answer is `{body, headers, query}`.

        Args:
            request: `{message}`.
        """

    def told(self, waiting: Waiting) -> None:
        """Note that all who can be told by mail were told."""


class ArtifactSink(Protocol):
    """Keeps files that belong to one execution, such as screenshots."""

    def save(self, name: str, content: bytes, content_type: str) -> JsonObject:
        """Keep it; gives `{artifact, name, content_type, bytes}`."""


class Tools(Protocol):
    """What the steps of one execution share; each part is made on first use."""

    @property
    def http(self) -> "HttpClient":
        """The outbound HTTP client, behind the egress guard."""

    @property
    def policy(self) -> "Policy":
        """Where connections may go, for `apps.core.egress`."""

    @property
    def files(self) -> "Workspace":
        """The organization's files."""

    @property
    def mail(self) -> "Mailer":
        """Sends mail by the operator's SMTP server."""

    @property
    def workflows(self) -> WorkflowCaller:
        """Starts other workflows."""

    @property
    def waits(self) -> Waits:
        """Opens what steps wait for."""

    @property
    def artifacts(self) -> ArtifactSink:
        """Keeps files of this execution."""

    @property
    def browser(self) -> "BrowserSession":
        """The execution's browser."""


@dataclass(slots=True)
class StepContext:
    """One attempt of one step.

    Attributes:
        path: the step's place, such as `rows[17].mail`.
        attempt: from 1; retries count it up.
        idempotency_key: `<execution>:<path>`, the same on every attempt.
        deadline: `time.monotonic()` value at which the step is interrupted.
        resumed: set when the step runs again after it parked.
        now: the execution's logical time (aware UTC), the same on replay.
        warnings: texts for the step's record.
        variables: what the step set; the engine applies and records them.
    """

    tools: Tools
    execution_id: str
    path: str
    attempt: int = 1
    idempotency_key: str = ""
    deadline: float | None = None
    resumed: Resumption | None = None
    now: datetime | None = None
    warnings: list[str] = field(default_factory=list)
    variables: dict[str, Json] = field(default_factory=dict)

    @property
    def http(self) -> "HttpClient":
        """The outbound HTTP client, behind the egress guard."""
        return self.tools.http

    @property
    def policy(self) -> "Policy":
        """Where connections may go, for `apps.core.egress`."""
        return self.tools.policy

    @property
    def files(self) -> "Workspace":
        """The organization's files."""
        return self.tools.files

    @property
    def mail(self) -> "Mailer":
        """Sends mail by the operator's SMTP server."""
        return self.tools.mail

    @property
    def workflows(self) -> WorkflowCaller:
        """Starts other workflows."""
        return self.tools.workflows

    @property
    def waits(self) -> Waits:
        """Opens what steps wait for."""
        return self.tools.waits

    @property
    def artifacts(self) -> ArtifactSink:
        """Keeps files of this execution."""
        return self.tools.artifacts

    @property
    def browser(self) -> "BrowserSession":
        """The execution's browser, started on first use."""
        return self.tools.browser

    def warn(self, message: str) -> None:
        """Say something that did not fail the step but should be seen."""
        self.warnings.append(message)

    def set_variable(self, name: str, value: Json) -> None:
        """Set a workflow variable when this step completes."""
        self.variables[name] = value

    def remaining(self) -> float | None:
        """Seconds until the step is interrupted; None when nothing limits it."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    def sleep(self, duration: timedelta) -> None:
        """Hold the worker for a short while; longer waits raise `Park`."""
        end = time.monotonic() + duration.total_seconds()
        while (left := end - time.monotonic()) > 0:
            # In one piece, a thread would sleep through an interrupt.
            time.sleep(min(left, 0.1))

    def bounded(
        self,
        function: Callable[..., Any],
        *args: Any,
        memory_bytes: int = 512 * 1024 * 1024,
        seconds: float = 30.0,
        answer_bytes: int = 64 * 1024 * 1024,
    ) -> Any:
        """Run `function(*args)` in a short-lived process with limits on it.

        For parsers of foreign files: neither memory nor time beyond the limits is
        ever used, and the limits never bind the worker itself.

        Args:
            answer_bytes: size of the answer, and of each file that it writes.

        Raises:
            PermanentFailure: it used more than it may, or died.
        """
        from apps.core.bounded import run_bounded

        remaining = self.remaining()
        limit = seconds if remaining is None else min(seconds, remaining)
        return run_bounded(
            function,
            *args,
            memory_bytes=memory_bytes,
            seconds=limit,
            answer_bytes=answer_bytes,
        )
