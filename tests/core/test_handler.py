"""How the server runs Django: one thread a request, and async views on its loop."""

import asyncio
import threading

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse
from django.urls import path

from apps.core.handler import OneThreadHandler

SEEN: dict[str, object] = {}


class Watching:
    """Middleware that notes the thread it is called in."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        SEEN["before"] = threading.get_ident()
        response = self.get_response(request)
        SEEN["after"] = threading.get_ident()
        return response


def in_thread(request):
    SEEN["view"] = threading.get_ident()
    return HttpResponse("done")


async def on_loop(request):
    SEEN["loop"] = asyncio.get_running_loop()
    await asyncio.sleep(0)
    return HttpResponse("done")


def waits(request):
    barrier = SEEN["barrier"]
    barrier.wait(timeout=20)  # until as many are here
    return HttpResponse("done")


def fails(request):
    raise ZeroDivisionError


urlpatterns = [
    path("thread", in_thread),
    path("loop", on_loop),
    path("waits", waits),
    path("fails", fails),
]


@pytest.fixture
def handler(settings):
    SEEN.clear()
    settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = __name__, ["localhost"]
    settings.MIDDLEWARE = [
        f"{__name__}.Watching",
        "django.middleware.common.CommonMiddleware",
        f"{__name__}.Watching",
    ]
    return OneThreadHandler()


async def status_of(handler, where):
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/{where}",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    caller = ApplicationCommunicator(handler, scope)
    await caller.send_input({"type": "http.request", "body": b""})
    start, _body = await caller.receive_output(20), await caller.receive_output(20)
    await caller.wait(20)
    return start["status"]


def test_middleware_and_view_share_a_thread(handler):
    assert asyncio.run(status_of(handler, "thread")) == 200
    assert SEEN["before"] == SEEN["view"] == SEEN["after"] != threading.get_ident()


def test_an_async_view_runs_on_the_servers_loop(handler):
    async def call():
        status = await status_of(handler, "loop")
        return status, SEEN["loop"] is asyncio.get_running_loop()

    assert asyncio.run(call()) == (200, True)


def test_one_that_waits_keeps_no_other(handler):
    SEEN["barrier"] = threading.Barrier(40)

    async def call():
        return await asyncio.gather(*(status_of(handler, "waits") for _ in range(40)))

    assert asyncio.run(call()) == [200] * 40


def test_a_view_that_fails_is_a_500(handler, settings):
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    assert asyncio.run(status_of(handler, "fails")) == 500
