import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.files.download_file import DownloadFile, DownloadFileParams
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.http_server import HttpServer

CONTENT = b"0123456789" * 50_000


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> Any:
    return step_ctx()


def test_keeps_what_the_server_has(
    run_step: StepRunner, http_server: HttpServer, ctx: Any
) -> None:
    kind = {"Content-Type": "Text/CSV; charset=utf-8"}
    http_server.answers("/f", body=CONTENT, headers=kind)
    params = {
        "url": http_server.url("/f"),
        "path": "in/f.csv",
        "headers": {"X-Key": "k"},
    }
    assert run_step("download_file", params, ctx) == {
        "path": "in/f.csv",
        "bytes": len(CONTENT),
        "content_type": "text/csv",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    assert ctx.files.read_bytes("in/f.csv") == CONTENT
    assert http_server.requests[0].headers["X-Key"] == "k"


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, PermanentFailure), (503, TemporaryFailure), (304, PermanentFailure)],
)
def test_an_error_leaves_the_old_file(
    run_step: StepRunner, http_server: HttpServer, ctx: Any, status: int, error: Any
) -> None:
    ctx.files.write_bytes("f", b"old")
    http_server.answers("/f", status=status)
    with pytest.raises(error) as caught:
        run_step("download_file", {"url": http_server.url("/f"), "path": "f"}, ctx)
    assert caught.value.code == f"http_{status}"
    assert ctx.files.read_bytes("f") == b"old"


def test_an_answer_that_breaks_off_leaves_nothing(
    run_step: StepRunner, http_server: HttpServer, ctx: Any
) -> None:
    http_server.answers("/f", body=b"half", headers={"Content-Length": "8"})
    params = {"url": http_server.url("/f"), "path": "f", "timeout": 0.3}
    with pytest.raises(TemporaryFailure):
        run_step("download_file", params, ctx)
    assert ctx.files.list(recursive=True) == []


def test_is_bounded_by_the_workspace(
    run_step: StepRunner, http_server: HttpServer, ctx: Any
) -> None:
    ctx.files.max_bytes = 1000
    http_server.answers("/f", body=CONTENT)
    with pytest.raises(PermanentFailure) as caught:
        run_step("download_file", {"url": http_server.url("/f"), "path": "f"}, ctx)
    assert caught.value.code == "response_too_large"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://10.0.0.1/"])
def test_goes_to_allowed_places_only(run_step: StepRunner, url: str) -> None:
    with pytest.raises(PermanentFailure):
        run_step("download_file", {"url": url, "path": "f"})


def test_refuses_a_path_that_leads_out(run_step: StepRunner) -> None:
    with pytest.raises(ValidationError):
        run_step("download_file", {"url": "http://x.org/", "path": "../f"})


def test_tells_what_it_would_do_without_secrets() -> None:
    params = DownloadFileParams(url="https://x.org/a?token=secret", path="f")
    assert DownloadFile().summary(params) == "download https://x.org/a to f"
