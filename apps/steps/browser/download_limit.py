"""Bounds what the pages of one context download: the disk is everybody's."""

import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from apps.core.types import JsonObject
from apps.steps.browser.downloads import Downloads

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1


class DownloadLimit:
    """Looks at a folder while something is downloaded into it, and ends that in time.

    The browser tells neither of a size nor of progress, so a thread weighs the files.
    What no step has taken yet counts together.

    Args:
        folder: where the context's downloads go.
        cancel: ends a download, by the browser's own name for it; never waits.
    """

    def __init__(
        self,
        folder: Path,
        downloads: Downloads,
        cancel: Callable[[str], None],
    ) -> None:
        self._folder, self._downloads, self._cancel = folder, downloads, cancel
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """A download has begun: look from now on until none is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._watch, name="download limit", daemon=True
            )
            self._thread.start()

    def end(self, told: JsonObject) -> None:
        """A download has ended; a quick one may be too large without being seen."""
        self._downloads.end(told, is_too_large=self._is_full())

    def stop(self) -> None:
        """The context goes away, with all that is downloaded."""
        self._stopped.set()

    def _watch(self) -> None:
        while self._downloads.is_under_way and not self._stopped.is_set():
            if self._is_full():
                log.warning(
                    "downloads broken off", extra={"limit": self._downloads.most_bytes}
                )
                for one in self._downloads.refuse_all():
                    self._cancel(one)
            self._stopped.wait(_LOOK_EVERY_S)

    def _is_full(self) -> bool:
        return _bytes_in(self._folder) > self._downloads.most_bytes


def _bytes_in(folder: Path) -> int:
    """Of the files themselves: folders in it hold what is uploaded."""
    total = 0
    # Files are renamed, and go, while they are looked at.
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            with contextlib.suppress(OSError):
                total += file.stat().st_size if file.is_file() else 0
    return total
