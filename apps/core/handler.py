"""How the ASGI server runs Django: each request in one thread, from end to end."""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """Goes to a thread once a request; Django's own goes and comes for each middleware.

    That took more processor time than many of our views. Nearly all of them talk to
    the database and so need a thread anyhow; a view that is `async` still runs on the
    server's loop. Each request in flight has a thread of its own, so one that waits
    keeps no other.
    """

    def __init__(self) -> None:
        # Not ASGIHandler's own, which makes the chain of middleware a second time.
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, made in the request's thread."""
        answer = sync_to_async(self.get_response, thread_sensitive=True)
        response: HttpResponseBase = await answer(request)
        return response
