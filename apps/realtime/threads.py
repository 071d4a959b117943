"""The database for the event loop: in a few threads, with connections of the pool."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

_P = ParamSpec("_P")
_T = TypeVar("_T")
# The work is short, and mostly Python's: more threads would only take turns.
_threads = ThreadPoolExecutor(4, thread_name_prefix="realtime")


async def in_thread(work: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
    """What `work` gives, run in a thread that may use the database."""

    def run() -> _T:
        try:
            return work(*args, **options)
        finally:
            connections.close_all()  # back into the pool

    return await asyncio.get_running_loop().run_in_executor(_threads, run)
