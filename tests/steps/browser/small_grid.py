"""WebDriver servers of the tests' own, for browsers that are not started here."""

import base64
import contextlib
import io
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

from tests.fixtures_engine import wait_for

_PORT = re.compile(rb"started successfully on port (\d+)")


@dataclass
class Chromedriver:
    """A chromedriver that starts browsers of its own."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sessions(self) -> list[Any]:
        """The sessions that are open in it."""
        return list(ask("GET", f"{self.url}/sessions")["value"])

    def end(self) -> None:
        """As a machine that is switched off: it says goodbye to nobody."""
        all_of_it = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        # Its browsers would outlive it.
        for one in all_of_it:
            with contextlib.suppress(psutil.Error):
                one.kill()


def start_chromedriver(folder: Path, port: int = 0) -> Chromedriver:
    said = folder / "chromedriver.out"
    with said.open("wb") as output:
        command = [shutil.which("chromedriver") or "", f"--port={port}"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    found = wait_for(lambda: _PORT.search(said.read_bytes()), what="it listens")
    return Chromedriver(process, int(found[1]))


def ask(method: str, url: str, body: bytes | None = None) -> Any:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    request = urllib.request.Request(url, body, kind, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class _Grid(BaseHTTPRequestHandler):
    """Hands commands on to a chromedriver, but for those that a grid adds."""

    protocol_version = "HTTP/1.1"
    driver_url: str
    folder: Path
    credentials = base64.b64encode(b"robot:pass/word").decode()

    def do_GET(self) -> None:
        """Answer one command."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers["Authorization"] != f"Basic {self.credentials}":
            self._send(401, {"value": None})
            return
        if re.search(r"/se/files?$", self.path):
            self._send(200, {"value": self._files(body)})
            return
        if self.path == "/status":
            kind = {"browserName": "chrome", "se:downloadsEnabled": True}
            slots = [{"stereotype": kind}]
            self._send(200, {"value": {"ready": True, "nodes": [{"slots": slots}]}})
            return
        if self.path == "/session":
            body = self._with_folder(body)
        try:
            answer = ask(self.command, self.driver_url + self.path, body or None)
        except urllib.error.HTTPError as error:
            self._send(error.code, json.load(error))
            return
        if self.path == "/session":
            capabilities = answer["value"]["capabilities"]
            capabilities["se:downloadsEnabled"] = True
            port = capabilities["goog:chromeOptions"]["debuggerAddress"]
            facts = ask("GET", f"http://{port}/json/version")
            capabilities["se:cdp"] = facts["webSocketDebuggerUrl"]
        self._send(200, answer)

    do_POST = do_DELETE = do_GET

    def _with_folder(self, body: bytes) -> bytes:
        wanted = json.loads(body)
        asked = wanted["capabilities"]["firstMatch"][0]
        asked |= wanted["capabilities"].get("alwaysMatch", {})
        assert asked["se:downloadsEnabled"]
        options = asked["goog:chromeOptions"]
        wanted["capabilities"] = {"alwaysMatch": asked}
        downloads = self.folder / "downloads"
        options["prefs"]["download"]["default_directory"] = str(downloads)
        return json.dumps(wanted).encode()

    def _files(self, body: bytes) -> Any:
        downloads = self.folder / "downloads"
        if self.path.endswith("file"):
            place = Path(tempfile.mkdtemp(prefix="upload-", dir=self.folder))
            packed = io.BytesIO(base64.b64decode(json.loads(body)["file"]))
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(place)
                return str(place / archive.namelist()[0])
        if self.command == "GET":
            there = list(downloads.iterdir())
            sizes = [{"name": one.name, "size": one.stat().st_size} for one in there]
            return {"names": [one.name for one in there], "files": sizes}
        if self.command == "DELETE":
            for one in downloads.iterdir():
                one.unlink()
            return None
        name = json.loads(body)["name"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(downloads / name, name)
        content = base64.b64encode(packed.getvalue()).decode()
        return {"filename": name, "contents": content}

    def _send(self, status: int, answer: Any) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def small_grid(driver_url: str, folder: Path) -> Iterator[str]:
    """A grid for `robot`, whose password is `pass/word`; gives its host and port."""
    facts = {"driver_url": driver_url, "folder": folder}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Grid", (_Grid,), facts)) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
