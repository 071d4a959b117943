"""The REST API as a careful program uses it: every write with a key, tried again."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

GIVE_UP_AFTER_S = 240.0
TIMEOUT_S = 20.0

Document = dict[str, Any]


class Refused(Exception):
    """An answer that trying again does not change."""


@dataclass
class Answer:
    """One answer to one request, for what is said of the API in a row."""

    path: str
    status: int
    took_s: float
    retry_after: str | None = None

    @property
    def is_of_work(self) -> bool:
        """Whether it was an attempt to start an execution."""
        return self.path.endswith("/execute")


@dataclass
class Client:
    """Talks to one platform as the owner of one organization; threads may share it.

    Attributes:
        answers: every answer, in order of arrival; status 0 is none at all.
    """

    base: str
    token: str = ""
    organization: str = ""
    answers: list[Answer] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)
    _sessions: list[requests.Session] = field(default_factory=list)

    def register(self) -> None:
        """Make a user with an organization, and be that user."""
        name = uuid.uuid4().hex[:8]
        body = {
            "email": f"faults-{name}@example.com",
            "password": uuid.uuid4().hex,
            "organization": f"Faults {name}",
        }
        made = self.insist("POST", "/api/auth/register", json=body)
        self.token, self.organization = made["access"], made["organization"]["id"]

    def workflow(self, definition: Document) -> str:
        """Save a workflow; gives its id."""
        body = {"name": definition["name"], "definition": definition}
        return str(self.insist("POST", "/api/workflows", json=body)["id"])

    def execute(self, workflow_id: str, inputs: Document, **more: Any) -> str:
        """Start an execution, asking again with the same key until it is accepted."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        path = f"/api/workflows/{workflow_id}/execute"
        body = {"inputs": inputs, **more}
        return str(self.insist("POST", path, json=body, headers=key)["id"])

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into the organization's workspace."""
        self.insist("PUT", f"/api/files/{name}", data=content)

    def insist(self, method: str, path: str, **options: Any) -> Document:
        """Ask until there is an answer that is not a passing failure.

        Raises:
            Refused: a 4xx, or only failures for minutes.
        """
        give_up = time.monotonic() + GIVE_UP_AFTER_S
        while True:
            answer = self.ask(method, path, **options)
            if answer is not None and answer.status_code < 500:
                if answer.status_code >= 400:
                    raise Refused(f"{path}: {answer.status_code} {answer.text[:300]}")
                found: Document = answer.json()
                return found
            if time.monotonic() > give_up:
                said = answer.text[:300] if answer is not None else "no answer"
                raise Refused(f"{path}: {said}")
            time.sleep(0.2)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response | None:
        """One request; None when there was no answer."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        began = time.monotonic()
        try:
            answer = self._session().request(
                method, self.base + path, headers=headers, timeout=TIMEOUT_S, **options
            )
        except requests.RequestException:
            self.answers.append(Answer(path, 0, time.monotonic() - began))
            return None
        took_s = time.monotonic() - began
        retry_after = answer.headers.get("Retry-After")
        self.answers.append(Answer(path, answer.status_code, took_s, retry_after))
        return answer

    def health(self) -> Document | None:
        """What `/api/health` says; None without an answer."""
        answer = self.ask("GET", "/api/health")
        if answer is None:
            return None
        try:
            found: Document = answer.json()
        except ValueError:
            return None
        return found

    def close(self) -> None:
        """End the connections of all threads."""
        for session in self._sessions:
            session.close()

    def _session(self) -> requests.Session:
        known: requests.Session | None = getattr(self._local, "session", None)
        if known is None:
            known = self._local.session = requests.Session()
            known.trust_env = False
            self._sessions.append(known)
        return known
