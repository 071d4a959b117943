"""A parsed definition: checked, compiled, ready to run.

`parse` (in `parser.py`) makes it from a document; the engine walks it. Nothing in
it changes after parsing, so one object serves every execution of a version.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from apps.core.expressions import Compiled
from apps.core.types import Json
from apps.steps.base import (
    AnyStepType,
    Body,
    Condition,
    OnCrash,
    Params,
    Steps,
    Value,
)
from apps.steps.browser.settings import BrowserSettings


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how often a failed step is tried again.

    Attributes:
        max_attempts: attempts in all, the first included.
        delay: pause before the second attempt.
        backoff: factor for each further pause.
        max_delay: no pause is longer.
        jitter: random part of a pause, 0 to 1 of it.
        on: error codes, or the words `temporary`, `permanent`, `timeout`, `any`.
    """

    max_attempts: int = 1
    delay: timedelta = timedelta(0)
    backoff: float = 1.0
    max_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.0
    on: tuple[str, ...] = ("any",)


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a definition.

    Attributes:
        fixed_params: the validated params when no expression stands in them, so
            that they are validated once and not on every run.
        params: the params with their expressions, for all other steps.
        body: the block's own keys; None for plain steps.
        mock: output to use instead of running, in dry runs; None when absent.
        place: JSON path in the document, such as `steps[2].then[0]`.
    """

    id: str
    type: str
    kind: AnyStepType
    place: str
    name: str = ""
    fixed_params: Params | None = None
    params: Compiled | None = None
    body: Body | None = None
    condition: Condition | None = None
    retry: Retry = Retry()
    timeout: timedelta | None = None
    mock: Value | None = None
    on_error: Literal["fail", "continue"] = "fail"
    on_crash: OnCrash | None = None
    save_as: str | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input."""

    name: str
    type: str
    required: bool = False
    default: Json = None
    has_default: bool = False
    description: str = ""
    enum: tuple[Json, ...] | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many executions of one key may run at a time."""

    limit: int
    key: Value | None = None
    on_limit: Literal["queue", "skip", "cancel_running"] = "queue"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long ended executions are kept; what is None, the organization says.

    Attributes:
        completed: for completed and cancelled ones; `FOREVER`: for ever.
        failed: for failed ones, likewise.
        keep_last: the newest ended ones that are kept however old they are.
    """

    FOREVER: ClassVar[timedelta] = timedelta.max

    completed: timedelta | None = None
    failed: timedelta | None = None
    keep_last: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that belong to the document and are versioned with it."""

    timeout: timedelta | None = None
    concurrency: Concurrency | None = None
    pool: str = "default"
    retention: Retention = Retention()
    browser: BrowserSettings = field(default_factory=BrowserSettings)


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole workflow.

    Attributes:
        document: the saved document (ids filled in), as JSON.
        steps, on_failure, finally_: the three lists of steps.
        labels: of every execution; its starter may add to them.
    """

    name: str
    document: Json
    steps: Steps
    inputs: tuple[Input, ...] = ()
    variables: dict[str, Value] = field(default_factory=dict)
    settings: Settings = Settings()
    labels: dict[str, str] = field(default_factory=dict)
    on_failure: Steps = field(default_factory=lambda: Steps([]))
    finally_: Steps = field(default_factory=lambda: Steps([]))
