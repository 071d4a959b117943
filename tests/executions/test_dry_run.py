"""Dry runs: what looks and computes runs, what would change something does not."""

import base64
from typing import Any

import pytest

from apps.executions.models import Execution, StepRecord, Wait
from apps.workflows.services import secret_create
from tests.executions.documents import Step, doc, put, write
from tests.fixtures_engine import Engine
from tests.http_server import HttpServer

HOOK_KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


def step(type_: str, id_: str = "s", **params: Any) -> Step:
    return {"id": id_, "type": type_, "params": params}


def rehearsed(engine: Engine, *steps: Step, **more: Any) -> Execution:
    return engine.run(doc(*steps, **more), dry_run=True)


def note(engine: Engine, *steps: Step) -> str:
    """What the last step would have done."""
    execution = rehearsed(engine, *steps)
    assert execution.status == "completed", execution.error
    output: Any = engine.output(execution, steps[-1]["id"])
    assert output["dry_run"] is True
    return str(output["would"])


@pytest.fixture
def site(http_server: HttpServer, settings: Any) -> HttpServer:
    settings.EGRESS_ALLOW = f"127.0.0.1:{http_server.port}"
    http_server.answers("/orders", json=[{"n": 1}])
    return http_server


# --- what runs --------------------------------------------------------------------


def test_logic_and_data_run(engine: Engine) -> None:
    loop = {
        "id": "rows",
        "type": "loop",
        "over": [1, 2],
        "as": "row",
        "steps": [put("sum", "{{ row + 1 }}")],
    }
    text = step("parse_json", "json", text='{"a": 7}')
    execution = rehearsed(engine, loop, text)
    assert engine.output(execution, "rows") == [2, 3]
    assert engine.output(execution, "json") == {"a": 7}


def test_what_only_reads_runs(engine: Engine, site: HttpServer) -> None:
    execution = rehearsed(engine, step("http_request", url=site.url("/orders")))
    output: Any = engine.output(execution, "s")
    assert output["json"] == [{"n": 1}]
    assert len(site.requests) == 1


# --- what does not ----------------------------------------------------------------


@pytest.mark.parametrize("type_", ["write_file", "write_excel", "delete_file"])
def test_files_stay_as_they_are(engine: Engine, type_: str) -> None:
    engine.run(doc(write("made", path="a.txt")))
    params: dict[str, dict[str, Any]] = {
        "write_file": {"path": "b.txt", "content": "x"},
        "write_excel": {"path": "b.xlsx", "rows": [{"a": 1}]},
        "delete_file": {"path": "a.txt"},
    }
    would = note(engine, step(type_, **params[type_]))
    assert str(params[type_]["path"]) in would
    listed = engine.run(doc(step("list_files", pattern="*")))
    found: Any = engine.output(listed, "s")
    assert [one["path"] for one in found] == ["a.txt"]


def test_nothing_is_sent(engine: Engine, site: HttpServer) -> None:
    url = site.url("/orders")
    assert note(engine, step("http_request", method="POST", url=url)) == f"POST {url}"
    told = step("webhook", url=url, secret=HOOK_KEY, payload={})
    assert note(engine, told) == f"tell {url}"
    would = note(engine, step("download_file", url=url, path="o.json"))
    assert would == f"download {url} to o.json"
    assert site.requests == []


def test_no_mail_is_sent(engine: Engine) -> None:
    # Without a server: sending would fail.
    mail = step("send_email", to=["a@x.org", "b@x.org"], subject="Hi", text="t")
    assert note(engine, mail) == "send 'Hi' to a@x.org, b@x.org"


def test_no_other_workflow_is_started(engine: Engine) -> None:
    engine.workflow(doc(name="Other"))
    assert note(engine, step("call_workflow", workflow="Other")) == (
        "run the workflow 'Other'"
    )
    with engine.scope():
        assert not Execution.objects.filter(trigger="workflow").exists()


def test_nobody_is_asked_and_nothing_waited_for(engine: Engine) -> None:
    asked = step("approval", message="Pay?", approvers=["cfo@example.com"])
    assert note(engine, asked) == "ask cfo@example.com for approval"
    waits = step("wait_for_webhook", message="the payment")
    assert "the payment" in note(engine, waits)
    with engine.scope():
        assert not Wait.objects.exists()


def test_children_in_branches_and_handlers_write_nothing(engine: Engine) -> None:
    both = {
        "id": "both",
        "type": "parallel",
        "branches": [
            {"name": "l", "steps": [write("left")]},
            {"name": "r", "steps": [write("right")]},
        ],
    }
    execution = rehearsed(engine, both, **{"finally": [write("last")]})
    for path in ("left", "right", "last"):
        output: Any = engine.output(execution, path)
        assert output["would"] == f"write {path}.txt"


# --- mocks ------------------------------------------------------------------------


def test_a_mock_takes_the_place_of_the_output(engine: Engine) -> None:
    made = write("w", mock={"path": "w.txt", "bytes": 3})
    execution = rehearsed(engine, made, put("a", "{{ steps.w.output.bytes }}"))
    assert engine.output(execution, "a") == 3


def test_a_mock_may_use_the_names_of_the_loop_around_it(engine: Engine) -> None:
    made = write("w", path="{{ row }}", mock="mock of {{ row }}, {{ loop.index }}")
    loop = {"id": "l", "type": "loop", "over": ["x"], "as": "row", "steps": [made]}
    execution = rehearsed(engine, loop)
    assert engine.output(execution, "l[0].w") == "mock of x, 0"


def test_a_mock_of_nothing_is_nothing(engine: Engine) -> None:
    execution = rehearsed(engine, write("w", mock=None))
    assert execution.status == "completed"
    assert engine.output(execution, "w") is None


def test_a_mock_that_cannot_be_computed_fails_the_step(engine: Engine) -> None:
    document = doc(put("x", {}), write("w", mock="{{ steps.x.output.missing }}"))
    execution = engine.run(document, dry_run=True)
    assert execution.status == "failed"
    assert (execution.error or {})["path"] == "w"


def test_a_mock_counts_in_dry_runs_only(engine: Engine) -> None:
    execution = engine.run(doc(write("w", mock="mock")))
    output: Any = engine.output(execution, "w")
    assert output["path"] == "w.txt"


# --- secrets, crashes -------------------------------------------------------------


@pytest.mark.parametrize("value", ["s3cr", "very-secret-value"])
def test_secrets_are_not_in_the_note(engine: Engine, value: str) -> None:
    with engine.scope():
        secret_create(by=engine.viewer, name="pin", value=value)
    execution = rehearsed(engine, write("w", path="of/{{ secrets.pin }}/a.txt"))
    assert engine.output(execution, "w") == {
        "dry_run": True,
        "would": "write of/***/a.txt",
    }


def test_bad_params_fail_a_dry_run_too(engine: Engine) -> None:
    document = doc(put("x", 5), step("delete_file", path="{{ steps.x.output }}"))
    execution = engine.run(document, dry_run=True)
    assert (execution.error or {})["code"] == "bad_params"


def test_the_record_says_that_nothing_was_changed(engine: Engine) -> None:
    """So a worker that dies in it leaves no doubt about what happened."""
    execution = rehearsed(engine, write("w"))
    (record,) = engine.records(execution)
    assert (record.effect, record.status) == ("none", StepRecord.COMPLETED)


def test_the_page_is_filled_in_but_nothing_is_clicked(
    engine: Engine, site: HttpServer
) -> None:
    html = '<input id="n"><a id="go" href="/clicked">go</a>'
    site.answers("/form", body=html, headers={"Content-Type": "text/html"})
    execution = rehearsed(
        engine,
        step("navigate", "open", url=site.url("/form")),
        step("type", "fill", target="#n", text="Ann"),
        step("click", "go", target="#go"),
    )
    assert execution.status == "completed", execution.error
    effects = {record.path: record.effect for record in engine.records(execution)}
    assert effects == {"open": "read", "fill": "page", "go": "none"}
    assert engine.output(execution, "go") == {"dry_run": True, "would": "click #go"}
    assert "/clicked" not in [request.path for request in site.requests]
