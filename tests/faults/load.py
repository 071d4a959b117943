"""The executions that are under way while a fault strikes."""

import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.faults.client import Client, Document, Refused
from tests.faults.ledger import Ledger

SUBMITTERS = 8
# Every so many-th execution has an effect that cannot be repeated.
UNSAFE_EVERY = 5
KEYED, PLAIN = "keyed", "plain"

Step = dict[str, Any]


def call(
    ledger: Ledger, book: str, *, mood: str = "", step_id: str = "effect", **more: Any
) -> Step:
    """A step that asks the ledger to note an effect."""
    path = f"/{book}/{{{{ inputs.number }}}}" + (f"/{mood}" if mood else "")
    step: Step = {name: more.pop(name) for name in ("retry", "timeout") if name in more}
    params = {
        "method": "POST",
        "url": ledger.url(path),
        "headers": {"X-Execution": "{{ execution.id }}"},
        "json": {"number": "{{ inputs.number }}"},
        **more,
    }
    return {"id": step_id, "type": "http_request", "params": params, **step}


def put(step_id: str) -> Step:
    """A step without effect."""
    params = {"name": step_id, "value": "{{ inputs.number }}"}
    return {"id": step_id, "type": "set_variable", "params": params}


def rest(step_id: str = "rest") -> Step:
    """A step that takes as long as the execution was told."""
    params = {"seconds": "{{ inputs.rest }}"}
    return {"id": step_id, "type": "delay", "params": params}


def document(name: str, *steps: Step, **more: Any) -> Document:
    """A workflow with the inputs of all workflows here."""
    inputs = {
        "number": {"type": "string", "required": True},
        "rest": {"type": "number", "default": 0},
    }
    # A name of its own for each: names are unique in an organization.
    full = f"{name} {uuid.uuid4().hex[:6]}"
    return {"name": full, "inputs": inputs, "steps": list(steps), **more}


def steady(ledger: Ledger) -> Document:
    """Four steps whose effects may be repeated under their keys."""
    path = "faults/{{ inputs.number }}.txt"
    write = {
        "id": "kept",
        "type": "write_file",
        "params": {"path": path, "content": "{{ inputs.number }}"},
    }
    return document("steady", put("first"), call(ledger, KEYED), rest(), write)


def unsafe(ledger: Ledger) -> Document:
    """Four steps, one of them an effect that nobody may repeat."""
    plain = call(ledger, PLAIN, idempotency_key=False)
    return document("unsafe", put("first"), plain, rest(), put("last"))


@dataclass(frozen=True)
class Accepted:
    """An execution that the API said it has accepted."""

    execution_id: str
    book: str


@dataclass
class Load:
    """Submits executions and remembers what was accepted.

    Attributes:
        prefix: makes the numbers of this load unlike all others.
        accepted: by number.
        refused: what was never accepted; a fault may not cause any.
    """

    client: Client
    workflows: dict[str, str]
    prefix: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    accepted: dict[str, Accepted] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _submitted: int = 0
    _closing: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The accepted executions."""
        return [one.execution_id for one in list(self.accepted.values())]

    def submit(self, count: int, **inputs: Any) -> None:
        """Submit so many at once; returns when all are accepted."""
        with ThreadPoolExecutor(SUBMITTERS) as pool:
            list(pool.map(lambda n: self._one(n, inputs), self._numbers(count)))

    def trickle(self, count: int, over_s: float, **inputs: Any) -> None:
        """Submit so many in the background, evenly over the seconds."""
        numbers = list(self._numbers(count))

        def run() -> None:
            for number in numbers:
                if self._closing.wait(over_s / count):
                    return
                self._one(number, inputs)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)

    def join(self) -> None:
        """Wait until everything that was to be submitted is."""
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Submit nothing more."""
        self._closing.set()
        self.join()

    def _numbers(self, count: int) -> Iterable[int]:
        first, self._submitted = self._submitted, self._submitted + count
        return range(first, first + count)

    def _one(self, index: int, inputs: dict[str, Any]) -> None:
        books = list(self.workflows)
        book = books[-1] if index % UNSAFE_EVERY == 0 else books[0]
        number = f"{self.prefix}-{index}"
        try:
            given = {"number": number, **inputs}
            found = self.client.execute(self.workflows[book], given)
        except Refused as error:
            self.refused.append(f"{number}: {error}")
            return
        self.accepted[number] = Accepted(found, book)
