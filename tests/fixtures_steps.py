"""Fixtures that run step types: a context of real parts, and a driver for blocks.

What is outside the step library (other workflows, the execution's artifacts) is kept
in memory; the HTTP client, the workspace and the limits are the real ones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from apps.core.expressions import Scope
from apps.core.types import Json, JsonObject
from apps.steps import registry
from apps.steps.base import BlockType, Condition, Steps, StepType, Value
from apps.steps.context import StepContext, Waiting

if TYPE_CHECKING:
    from apps.core.egress import Policy
    from apps.core.http import HttpClient
    from apps.core.mail import Mailer
    from apps.core.workspace import Workspace
    from apps.steps.browser.session import BrowserSession


class MemoryArtifacts:
    """Keeps artifacts in `saved`: name to content and type."""

    def __init__(self) -> None:
        self.saved: dict[str, tuple[bytes, str]] = {}

    def save(self, name: str, content: bytes, content_type: str) -> JsonObject:
        self.saved[name] = (content, content_type)
        return {
            "artifact": f"artifact-{len(self.saved)}",
            "name": name,
            "content_type": content_type,
            "bytes": len(content),
        }


class MemoryWorkflows:
    """Answers `call_workflow`: one child for each key, queued until a test ends it.

    Attributes:
        calls: `(workflow, inputs, key)` of every call, repeats included.
        children: what `result` gives, by execution id; tests change it.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, JsonObject, str]] = []
        self.children: dict[str, JsonObject] = {}
        self._ids: dict[str, str] = {}

    def start(self, workflow: str, inputs: JsonObject, *, key: str, waits: bool) -> str:
        self.calls.append((workflow, inputs, key))
        child = self._ids.setdefault(key, f"child-{len(self._ids) + 1}")
        queued = {"id": child, "status": "queued", "error": None}
        self.children.setdefault(child, queued | {"outputs": {}, "variables": {}})
        return child

    def result(self, execution_id: str) -> JsonObject:
        return self.children[execution_id]

    def end(self, execution_id: str, status: str, **more: Json) -> None:
        """Give a child its end."""
        self.children[execution_id] |= {"status": status, **more}


class MemoryWaits:
    """Opens one wait for each path and attempt, and answers as a test says.

    Attributes:
        opened: `(kind, request, path, attempt, timeout)` of each call.
        now: what each call finds.
        links: by mail address, for approvals, until they were told.
        told_count: how often it was noted that people were told.
    """

    def __init__(self) -> None:
        self.opened: list[tuple[str, JsonObject, str, int, timedelta | None]] = []
        self.now = Waiting("wait-1")
        self.links: dict[str, str] = {}
        self.told_count = 0

    def approval(self, request: JsonObject, **facts: Any) -> Waiting:
        return replace(self._open("approval", request, **facts), untold=self.links)

    def call(self, request: JsonObject, **facts: Any) -> Waiting:
        return self._open("call", request, **facts)

    def _open(
        self,
        kind: str,
        request: JsonObject,
        *,
        path: str,
        attempt: int,
        timeout: timedelta | None,
    ) -> Waiting:
        self.opened.append((kind, request, path, attempt, timeout))
        return self.now

    def told(self, waiting: Waiting) -> None:
        self.told_count += 1


class StepTools:
    """The tools of one execution; tests put their own in place by assignment."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.workflows = MemoryWorkflows()
        self.artifacts = MemoryArtifacts()
        self.waits = MemoryWaits()

    @cached_property
    def policy(self) -> "Policy":
        """Servers of the test on this machine may be reached too."""
        from apps.core.egress import Policy

        return Policy(allow=("127.0.0.1", "::1"))

    @cached_property
    def http(self) -> "HttpClient":
        """A client that may go where the policy allows."""
        from apps.core.http import HttpClient

        return HttpClient(self.policy)

    @cached_property
    def files(self) -> "Workspace":
        from django.core.files.storage import FileSystemStorage

        from apps.core.workspace import Workspace

        storage = FileSystemStorage(location=self._root)
        return Workspace(storage, "organization-1", max_bytes=64 * 1024 * 1024)

    @cached_property
    def mail(self) -> "Mailer":
        pytest.fail("this step sends mail: give step_ctx(mail=…)")

    @cached_property
    def browser(self) -> "BrowserSession":
        pytest.fail("this step needs a browser: give step_ctx(browser=…)")

    def close(self) -> None:
        """End what was opened."""
        if "http" in self.__dict__:
            self.http.close()


_TOOLS = frozenset(
    {"http", "policy", "files", "mail", "workflows", "artifacts", "browser", "waits"}
)
ContextMaker = Callable[..., StepContext]


@pytest.fixture
def step_ctx(tmp_path: Path) -> Iterator[ContextMaker]:
    """Makes contexts: `step_ctx(attempt=2, mail=mailer)`, tools and fields alike."""
    made: list[StepTools] = []

    def make(**overrides: Any) -> StepContext:
        tools = StepTools(tmp_path)
        made.append(tools)
        for name in _TOOLS & overrides.keys():
            setattr(tools, name, overrides.pop(name))
        facts = {
            "execution_id": "execution-1",
            "path": "step",
            "idempotency_key": "execution-1:step",
        }
        return StepContext(tools=tools, **(facts | overrides))

    yield make
    for tools in made:
        tools.close()


StepRunner = Callable[..., Json]


@pytest.fixture
def run_step(step_ctx: ContextMaker) -> StepRunner:
    """Runs a step type: `run_step("delay", {"seconds": 1}, attempt=2)`.

    A context made by `step_ctx` may be given as `ctx`.
    """

    def run(
        name: str,
        params: JsonObject | None = None,
        ctx: StepContext | None = None,
        **overrides: Any,
    ) -> Json:
        registry.load()
        kind = registry.find(name)
        assert isinstance(kind, StepType), f"{name} is no plain step type"
        checked = kind.params_class.model_validate(params or {})
        return kind.run(checked, ctx or step_ctx(**overrides))

    return run


BodyStep = Callable[["CallFlow"], Json]


@dataclass
class CallFlow:
    """Drives a block whose bodies are Python functions instead of steps.

    Each function gets this flow and looks up `flow["row"]`; its return value is its
    output. Expressions are the real ones.

    Attributes:
        variables: names that expressions and functions find below all others.
        indexes: the iterations in the order they began.
    """

    variables: dict[str, Json] = field(default_factory=dict)
    max_iterations: int = 10_000
    warnings: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    _frames: list[Mapping[str, Json]] = field(default_factory=list)

    def __getitem__(self, name: str) -> Json:
        return self._scope().names[name]

    def _scope(self) -> Scope:
        scope = Scope(self.variables)
        for frame in self._frames:
            scope = scope.child(frame)
        return scope

    def evaluate(self, value: Value) -> Json:
        return value.compiled.render(self._scope())

    def test(self, condition: Condition) -> bool:
        return bool(self.evaluate(condition))

    def run(self, steps: Steps, names: Mapping[str, Json] | None = None) -> Json:
        self._frames.append(names or {})
        try:
            output: Json = None
            for step in steps.raw:
                output = step(self)
            return output
        finally:
            self._frames.pop()

    def iterate(self, steps: Steps, index: int, names: Mapping[str, Json]) -> Json:
        self.indexes.append(index)
        return self.run(steps, names)

    def parallel(self, branches: Sequence[tuple[str, Steps]]) -> dict[str, Json]:
        return {name: self.run(steps) for name, steps in branches}

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def run_block(name: str, body: JsonObject, flow: CallFlow | None = None) -> Json:
    """Run a block whose bodies are lists of functions."""
    registry.load()
    kind = registry.find(name)
    assert isinstance(kind, BlockType), f"{name} is no block"
    return kind.run(kind.body_class.model_validate(body), flow or CallFlow())
