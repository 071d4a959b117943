"""Calls of hooks: the ASGI application in an event loop of its own, in a thread."""

import asyncio
import threading
import uuid
from concurrent.futures import Future
from typing import Any

import httpx

from apps.executions.hooks import hook_make, hook_url
from apps.executions.models import Execution
from apps.workflows.models import Workflow
from rpa.asgi import application
from tests.fixtures_engine import Engine, wait_for

BASE = "http://testserver"


class Caller:
    """Sends requests to the application, also many at once.

    Its event loop runs in a thread, so that the test can run executions meanwhile.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def close(self) -> None:
        self.run(_cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def run(self, work: Any, timeout: float = 60) -> Any:
        """What the coroutine gives, run in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def hook(self, workflow: Workflow | dict[str, Any]) -> str:
        """The path of a workflow's own URL."""
        if isinstance(workflow, dict):
            workflow = self.engine.workflow(workflow)
        with self.engine.scope():
            hook, _ = hook_make(workflow=workflow, by=self.engine.viewer)
            return hook_url(hook).partition("/hooks/")[2].join(["/hooks/", ""])

    def send(self, path: str, **options: Any) -> Future[httpx.Response]:
        """Start a call; its answer comes when it comes."""
        work = _send(path, **options)
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a call."""
        return self.send(path, **options).result(60)

    def accepted(self) -> Execution:
        """The execution that a call under way has started."""

        def look() -> Execution | None:
            with self.engine.scope():
                return Execution.objects.order_by("-id").first()

        found: Execution = wait_for(look, what="a call starts an execution")
        return found

    def execution(self, answer: httpx.Response) -> Execution:
        """The execution that an answer names."""
        with self.engine.scope():
            return Execution.objects.get(id=uuid.UUID(answer.json()["id"]))


async def _send(path: str, method: str = "POST", **options: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        return await client.request(method, path, timeout=None, **options)


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
