"""Files between this machine and a browser elsewhere, by the grid's own commands."""

import base64
import binascii
import contextlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from selenium.common.exceptions import WebDriverException

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.core.types import JsonObject
from apps.steps.browser.chromium.bidi import Bidi

if TYPE_CHECKING:
    from apps.steps.browser.chromium.driver import Driver

# A file goes over in one message, which both sides hold in memory.
MAX_BYTES = 100 * 1024 * 1024
DOWNLOADS = "se:downloadsEnabled"
_UNKNOWN = re.compile(r"unknown (command|method)|did not match a known command", re.I)
_LEARN_S = 5.0
# What a page can do that downloads a file, and who then tells where it went.
_DOWNLOAD = "data:text/html,<a id=a download=rpa.txt href='data:text/plain,.'>.</a>"
_ENDED = "browsingContext.downloadEnd"


class RemoteFiles:
    """The files of a session elsewhere.

    Args:
        driver: of that session.
    """

    def __init__(self, driver: "Driver", bidi: Bidi) -> None:
        self._driver = driver
        # Of contexts that are made by BiDi the grid knows nothing: they are told.
        self._folder = (
            _learn_folder(bidi) if driver.capabilities.get(DOWNLOADS) else None
        )

    def downloads_to(self, _folder: Path) -> JsonObject:
        """The `downloadBehavior` of a context."""
        if self._folder is None:
            return {"type": "denied"}
        return {"type": "allowed", "destinationFolder": self._folder}

    def require_downloads(self) -> None:
        """Go on only where downloads can be had.

        Raises:
            PermanentFailure: `remote_files_unsupported`.
        """
        if self._folder is None:
            raise PermanentFailure(
                "The remote browser does not hand out what it downloads: that takes a "
                "Selenium Grid whose nodes have managed downloads enabled.",
                code="remote_files_unsupported",
            )

    def hand_over(self, file: Path) -> str:
        """Send a file; gives its name as the browser knows it.

        Raises:
            PermanentFailure: `remote_files_unsupported` or `file_too_large`.
        """
        _check_size(file.name, file.stat().st_size)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(file, file.name)
        content = base64.b64encode(packed.getvalue()).decode("ascii")
        with _explained("takes no files"):
            answer = self._driver.execute("uploadFile", {"file": content})
        return str(answer["value"])

    def fetch(self, file: Path, folder: Path) -> Path:
        """Get a file that was downloaded.

        Raises:
            PermanentFailure: `remote_files_unsupported` or `file_too_large`.
            TemporaryFailure: `download_failed`.
        """
        name = re.split(r"[/\\]", str(file))[-1]
        with _explained("does not hand out what it downloads"):
            listed = self._driver.execute("getDownloadableFiles")["value"]
        sizes = {one["name"]: one["size"] for one in listed.get("files", ())}
        _check_size(name, int(sizes.get(name, 0)))
        answer = self._driver.execute("downloadFile", {"name": name})["value"]
        kept = folder / "fetched"
        try:
            _unpack(base64.b64decode(answer["contents"]), kept)
        except (KeyError, ValueError, zipfile.BadZipFile, binascii.Error) as error:
            message = "The grid handed out something that is not the file."
            raise TemporaryFailure(message, code="download_failed") from error
        return kept

    def forget(self) -> None:
        """Remove what was downloaded: the next execution must not find it."""
        if self._folder is not None:
            self._driver.execute("deleteDownloadableFiles")


def _learn_folder(bidi: Bidi) -> str | None:
    """Where the grid expects downloads: known only by the way of one of them."""
    ended = threading.Event()
    places: list[str] = []

    def note(told: JsonObject) -> None:
        places.append(str(told.get("filepath") or ""))
        ended.set()

    bidi.on(_ENDED, note)
    subscribed = bidi.call("session.subscribe", events=[_ENDED])
    context = bidi.call("browsingContext.getTree", maxDepth=0)["contexts"][0]["context"]
    bidi.call(
        "browsingContext.navigate", context=context, url=_DOWNLOAD, wait="complete"
    )
    bidi.call(
        "script.evaluate",
        expression="document.getElementById('a').click()",
        target={"context": context},
        awaitPromise=False,
    )
    ended.wait(_LEARN_S)
    bidi.call("session.unsubscribe", subscriptions=[subscribed["subscription"]])
    bidi.call("browsingContext.navigate", context=context, url="about:blank")
    place = places[0] if places else ""
    return re.sub(r"[/\\][^/\\]*$", "", place) or None


def _unpack(content: bytes, file: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (packed,) = archive.infolist()
        _check_size(packed.filename, packed.file_size)
        with archive.open(packed) as source, file.open("wb") as target:
            target.write(source.read(MAX_BYTES))


def _check_size(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise PermanentFailure(
            f"`{name[:200]}` has more than {MAX_BYTES // 1024**2} MiB, too much to go "
            "between here and a remote browser.",
            code="file_too_large",
        )


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except WebDriverException as error:
        if not _UNKNOWN.search(str(error.msg)):
            raise
        raise PermanentFailure(
            f"The remote browser {what}: that takes a Selenium Grid.",
            code="remote_files_unsupported",
        ) from error
