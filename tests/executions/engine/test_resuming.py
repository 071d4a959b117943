"""Rule 8: a call of another system lets an execution go on, once."""

import json
import threading

import pytest
from django.db import connections
from django.test import Client

from apps.events.models import Event
from apps.executions import resuming
from apps.executions.links import resume_url
from tests.executions.cancelling import cancel
from tests.executions.engine.conftest import bad, put
from tests.executions.engine.waiting import ask, expire, go_on, hear, parked, waits

pytestmark = pytest.mark.django_db(transaction=True)

GOT = put("got", "{{ steps.call.output }}")


def path_of(execution, step=""):
    url = resume_url(execution.organization_id, execution.id, step)
    return url.removeprefix("http://127.0.0.1:8000")


def post(execution, body=None, step="", **headers):
    text = json.dumps({"a": 1} if body is None else body)
    return Client().post(
        path_of(execution, step), text, content_type="application/json", headers=headers
    )


def code(answer):
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]


def test_a_call_lets_the_execution_go_on(engine, child):
    execution = parked(engine, child, hear(), GOT)
    answer = Client().post(
        f"{path_of(execution)}?from=bank",
        '{"paid": [1, 2.5, null]}',
        content_type="application/json",
        headers={"X-Bank": "b", "Authorization": "Bearer x", "Cookie": "session=1"},
    )
    assert (answer.status_code, answer.json()) == (202, {"id": str(execution.id)})
    output = go_on(engine, child, execution).outputs["got"]
    assert output["body"] == {"paid": [1, 2.5, None]}
    assert output["query"] == {"from": "bank"}
    assert output["headers"]["x-bank"] == "b"
    assert not {"authorization", "cookie"} & output["headers"].keys()
    assert output["received_at"]


def test_expressions_know_the_url_before_the_step_waits(engine, child):
    execution = parked(engine, child, put("url", "{{ execution.resume_url }}"), hear())
    url = resume_url(execution.organization_id, execution.id)
    assert engine.output(execution, "url") == url
    assert post(execution).status_code == 202


def test_a_call_before_the_step_waits_is_kept_for_it(engine, child):
    execution = engine.start({"steps": [put("a", 1), hear(), GOT]})
    assert post(execution, {"early": True}).status_code == 202
    child.run(execution)
    done = engine.now(execution)
    assert (done.status, done.outputs["got"]["body"]) == ("completed", {"early": True})
    again = parked(engine, child, hear("one"), hear("call"))
    assert code(post(again, step="none")) == (404, "not_found")


def test_calls_for_steps_that_do_not_wait_yet_are_bounded(engine, monkeypatch):
    monkeypatch.setattr(resuming, "MOST_EARLY", 3)
    steps = [{"id": "rows", "type": "loop", "times": 9, "steps": [hear()]}]
    execution = engine.start({"steps": steps})
    answers = [post(execution, step=f"rows[{n}].call") for n in range(4)]
    assert [one.status_code for one in answers] == [202, 202, 202, 409]
    assert code(answers[-1]) == (409, "too_many_early")


def test_a_path_that_no_step_can_have_is_not_found(engine):
    steps = [{"id": "rows", "type": "loop", "times": 9, "steps": [hear()]}]
    execution = engine.start({"steps": steps})
    answer = post(execution, step=f"rows[{'7' * 3000}].call")
    assert answer.status_code == 404


def test_a_url_works_once(engine, child):
    execution = parked(engine, child, hear(), hear("second"))
    assert post(execution).status_code == 202
    assert code(post(execution)) == (409, "already_used")
    assert go_on(engine, child, execution).status == "waiting"
    assert code(post(execution)) == (409, "already_used")
    assert code(post(execution, step="call")) == (409, "already_used")


def test_steps_have_urls_of_their_own(engine, child):
    execution = parked(engine, child, hear("one"), hear("call"), GOT)
    assert post(execution, {"n": 2}, step="call").status_code == 202
    assert code(post(execution, step="call")) == (409, "already_used")
    assert go_on(engine, child, execution).status == "waiting"
    assert post(execution, {"n": 1}, step="one").status_code == 202
    done = go_on(engine, child, execution)
    assert (done.status, done.outputs["one"]["body"]) == ("completed", {"n": 1})
    assert done.outputs["got"]["body"] == {"n": 2}


def test_each_iteration_of_a_loop_has_a_url_of_its_own(engine, child):
    loop = {"id": "rows", "type": "loop", "times": 2, "steps": [hear()]}
    execution = parked(engine, child, loop)
    assert post(execution, [2], step="rows[1].call").status_code == 202
    assert post(execution, [1], step="rows[0].call").status_code == 202
    done = go_on(engine, child, execution)
    assert [one["body"] for one in done.outputs["rows"]] == [[1], [2]]


def test_a_step_whose_branch_was_given_up_takes_no_call(engine, child):
    lost = {"name": "lost", "steps": [hear("lost")]}
    broken = {"name": "broken", "steps": [bad("no")]}
    both = {"type": "parallel", "branches": [lost, broken]}
    execution = parked(
        engine, child, {"type": "try", "steps": [both], "catch": [hear()]}
    )
    post(execution)
    done = go_on(engine, child, execution)
    assert (done.status, done.outputs["call"]["body"]) == ("completed", {"a": 1})


def test_of_many_calls_at_once_one_is_first(engine, child):
    execution = parked(engine, child, hear())
    codes = []

    def call():
        codes.append(post(execution).status_code)
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [202, *[409] * 5]
    assert go_on(engine, child, execution).status == "completed"


def test_a_call_while_the_step_begins_to_wait_is_not_lost(engine, child, on_run):
    on_run("wait_for_webhook", lambda ctx: codes.append(post(started).status_code))
    codes = []
    started = engine.start({"steps": [hear()]})
    child.run(started)
    assert codes == [202]
    assert engine.now(started).status == "completed"


def test_when_its_time_is_over_nothing_is_taken(engine, child):
    execution = parked(engine, child, hear(timeout="1d", on_timeout="continue"), GOT)
    expire(engine, execution)
    assert code(post(execution, step="call")) == (409, "wait_expired")
    done = go_on(engine, child, execution)
    assert (done.status, done.outputs["got"]["received_at"]) == ("completed", None)


def test_when_its_time_is_over_the_step_fails(engine, child):
    execution = parked(engine, child, hear(timeout="1d"))
    expire(engine, execution)
    done = go_on(engine, child, execution)
    assert (done.status, done.error["code"]) == ("failed", "webhook_timeout")
    assert code(post(execution)) == (409, "execution_ended")


def test_what_has_ended_takes_no_call(engine, child):
    execution = parked(engine, child, hear())
    cancel(engine, execution)
    assert code(post(execution)) == (409, "execution_ended")
    assert waits(engine, execution)[0].closed_at is not None


def test_a_forged_url_is_not_found(engine, child, carol):
    execution = parked(engine, child, hear())
    good = path_of(execution)
    last = "A" if good[-1] != "A" else "B"
    other = resume_url(carol.organization_id, execution.id)
    for path in (
        good[:-1] + last,
        good[:-1],
        "/resume/x",
        "/resume/%00",
        "/resume/" + "é" * 88,
        other.removeprefix("http://127.0.0.1:8000"),
        good.replace("/resume/", "/approve/"),
    ):
        assert Client().post(path, {}).status_code in (403, 404), path
    assert engine.now(execution).status == "waiting"


def test_an_approval_is_no_call(engine, child):
    execution = parked(engine, child, ask())
    assert code(post(execution, step="ok")) == (404, "not_found")
    assert code(post(execution)) == (404, "not_found")
    assert engine.now(execution).due_at is None


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_only_a_post_is_a_call(engine, child, method):
    execution = parked(engine, child, hear())
    assert getattr(Client(), method)(path_of(execution)).status_code == 405
    assert waits(engine, execution)[0].answered_at is None


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"a": 1, "a": 2}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'"\\u0000"', "application/json", 400),
        (b"9" * 5_000, "application/json", 400),
        (b"\xff", "text/plain", 400),
        (b"x" * (1024 * 1024 + 1), "text/plain", 413),
        (b"x" * (11 * 1024 * 1024), "text/plain", 413),
    ],
)
def test_unusable_bodies_are_refused(engine, child, body, kind, status):
    execution = parked(engine, child, hear(), GOT)
    answer = Client().post(path_of(execution), body, content_type=kind)
    assert answer.status_code == status
    assert post(execution).status_code == 202
    assert go_on(engine, child, execution).status == "completed"


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b"[1]", "application/json", [1]),
        (b'{"a": 1}', "application/cloudevents+json", {"a": 1}),
        (
            b"a=1&b=2&b=3",
            "application/x-www-form-urlencoded",
            {"a": "1", "b": ["2", "3"]},
        ),
        ("Grüße".encode(), "text/plain", "Grüße"),
    ],
)
def test_bodies_of_many_kinds_are_taken(engine, child, body, kind, value):
    execution = parked(engine, child, hear(), GOT)
    Client().post(path_of(execution), body, content_type=kind)
    assert go_on(engine, child, execution).outputs["got"]["body"] == value


def test_the_url_is_shown_to_whoever_may_run_and_stands_in_no_event(
    engine, child, alice, bob
):
    execution = parked(engine, child, hear(message="the bank"))
    path = f"/api/executions/{execution.id}"
    (wait,) = alice.client.get(path).json()["waits"]
    assert (wait["kind"], wait["message"]) == ("webhook", "the bank")
    assert Client().post(wait["url"], {}).status_code == 202
    assert bob.client.get(path).json()["waits"] == []
    other = parked(engine, child, hear())
    (hidden,) = bob.client.get(f"/api/executions/{other.id}").json()["waits"]
    assert hidden["url"] is None
    with engine.scope():
        for event in Event.objects.all():
            assert "/resume/" not in str(event.payload)


def test_a_retry_waits_for_a_call_of_its_own(engine, child, rerun):
    execution = parked(engine, child, hear(), bad("no"))
    post(execution)
    assert go_on(engine, child, execution).status == "failed"
    again = rerun(execution)
    assert (again.status, again.reused_steps) == ("failed", 1)


def test_a_step_that_is_tried_again_opens_anew(engine, child):
    step = hear(timeout="1d") | {"retry": {"max_attempts": 2}}
    execution = parked(engine, child, step, GOT)
    expire(engine, execution)
    assert go_on(engine, child, execution).status == "waiting"
    assert [one.attempt for one in waits(engine, execution)] == [1, 2]
    assert post(execution, step="call").status_code == 202
    assert go_on(engine, child, execution).status == "completed"
