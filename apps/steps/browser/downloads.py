"""Files that the pages of one context download."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.context import StepContext
from apps.steps.files.content import keep

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

TOO_LARGE = "too large"


@dataclass
class Download:
    """One file: under way, then `complete`, `canceled` or too large.

    Attributes:
        most_bytes: what it and others that no step has taken may have together.
    """

    url: str
    name: str
    most_bytes: int
    status: str = "pending"
    path: Path | None = None


@dataclass
class Downloads:
    """What was downloaded, oldest first, and which of it a step has taken.

    Attributes:
        most_bytes: that may lie there until a step takes it.
    """

    most_bytes: int
    all: list[Download] = field(default_factory=list)
    _by_key: dict[str, Download] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _taken: int = 0

    def begin(self, told: JsonObject) -> None:
        """A download begins."""
        name = str(told.get("suggestedFilename") or "download")
        made = Download(str(told.get("url", ""))[:2_000], name, self.most_bytes)
        with self._changed:
            self.all.append(made)
            self._by_key[_key(told)] = made
            self._changed.notify_all()

    def end(self, told: JsonObject, *, is_too_large: bool = False) -> None:
        """A download ends, well or not; one that is too large is removed."""
        with self._changed:
            found = self._by_key.pop(_key(told), None)
            if found is None:
                return
            if path := told.get("filepath"):
                found.path = Path(str(path))
            if found.status == "pending":
                found.status = TOO_LARGE if is_too_large else str(told.get("status"))
            if found.status == TOO_LARGE and found.path is not None:
                found.path.unlink(missing_ok=True)
            self._changed.notify_all()

    def refuse_all(self) -> list[str]:
        """Call all that are under way too large; gives what the browser calls them."""
        with self._changed:
            for one in self._by_key.values():
                one.status = TOO_LARGE
            self._changed.notify_all()
            return list(self._by_key)

    def take(self, within_s: float) -> Download | None:
        """The oldest that no step has taken yet, once it has ended; None: none has."""

        def next_one() -> Download | None:
            if len(self.all) <= self._taken:
                return None
            found = self.all[self._taken]
            return None if found.status == "pending" else found

        with self._changed:
            self._changed.wait_for(lambda: next_one() is not None, timeout=within_s)
            found = next_one()
            if found is not None:
                self._taken += 1
            return found

    @property
    def is_under_way(self) -> bool:
        """Whether one has begun and not ended."""
        with self._changed:
            return bool(self._by_key)


def keep_download(
    ctx: StepContext, browser: "BrowserSession", file: Download, path: str
) -> JsonObject:
    """Move a file to the workspace; gives `{path, bytes, sha256, name, url}`.

    Raises:
        PermanentFailure: `remote_files_unsupported` or `file_too_large`.
        TemporaryFailure: `download_failed`.
    """
    if file.status == TOO_LARGE:
        message = (
            f"The download of `{file.name[:200]}` was broken off: until a step takes "
            f"them, downloads may have {file.most_bytes} bytes together."
        )
        limit = file.most_bytes
        raise PermanentFailure(message, code="file_too_large", limit=limit)
    if file.status != "complete":
        message = f"The download of `{file.name[:200]}` was broken off."
        raise TemporaryFailure(message, code="download_failed")
    if file.path is None:
        raise TemporaryFailure("The file is gone.", code="download_failed")
    here = browser.fetch(file.path)
    with here.open("rb") as content:
        kept = keep(ctx, path, content)
    here.unlink(missing_ok=True)
    return {**kept, "name": file.name, "url": file.url}


def _key(told: JsonObject) -> str:
    """What says which download an event is of; older browsers name the navigation."""
    return str(told.get("download") or told.get("navigation"))
