"""Rule 8: an approval waits without a worker, and is given once."""

import threading

import pytest
from django.db import connections

from apps.accounts.models import AuditEntry
from apps.accounts.roles import Role
from apps.executions import approvals
from apps.executions.engine import leases
from apps.executions.models import Execution, StepRecord
from tests.executions.cancelling import cancel
from tests.executions.engine.conftest import put
from tests.executions.engine.waiting import (
    ask,
    claimed,
    expire,
    go_on,
    hear,
    parked,
    waits,
)

pytestmark = pytest.mark.django_db(transaction=True)

GOT = put("got", "{{ steps.ok.output }}")


def decide(person, execution, decision="approved", **more):
    (pending,) = listed(person, execution)
    url = f"/api/approvals/{pending['id']}/decide"
    return person.client.post(url, {"decision": decision, **more})


def listed(person, execution=None, **query):
    query |= {"execution": str(execution.id)} if execution else {}
    return person.client.get("/api/approvals", query).json()["results"]


def code(answer):
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]


def test_an_approval_lets_the_execution_go_on(engine, child, alice):
    execution = parked(engine, child, ask(), GOT)
    answer = decide(alice, execution, reason="fine")
    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    done = go_on(engine, child, execution)
    output = done.outputs["got"]
    assert (done.status, output["decision"]) == ("completed", "approved")
    assert (output["by"], output["reason"]) == (alice.email, "fine")
    assert output["decided_at"] == answer.json()["decided_at"].replace("Z", "+00:00")


def test_a_decision_stands_in_the_audit_trail(engine, child, alice):
    execution = parked(engine, child, ask())
    decide(alice, execution, "denied", reason="no")
    with engine.scope():
        (entry,) = AuditEntry.objects.filter(action="approval.deny")
    assert (entry.target_id, entry.user_id) == (str(execution.id), alice.user.id)
    assert entry.after == {"path": "ok", "by": alice.email, "reason": "no"}


def test_a_denial_fails_the_step(engine, child, alice):
    execution = parked(engine, child, ask(), GOT)
    decide(alice, execution, "denied", reason="too much")
    done = go_on(engine, child, execution)
    assert (done.status, done.error["code"]) == ("failed", "approval_denied")
    assert "too much" in done.error["message"]


def test_a_condition_may_take_another_branch(engine, child, alice):
    step = ask(on_deny="continue", timeout="1d")
    fork = {
        "type": "condition",
        "if": "{{ steps.ok.output.decision == 'approved' }}",
        "then": [put("yes", 1)],
        "else": [put("no", 1)],
    }
    execution = parked(engine, child, step, fork)
    decide(alice, execution, "denied")
    assert "no" in go_on(engine, child, execution).outputs


def test_an_answer_is_not_kept_waiting_until_the_time_is_over(engine, child, alice):
    execution = parked(engine, child, ask(timeout="1d"), GOT)
    assert execution.due_at is not None
    decide(alice, execution)
    assert go_on(engine, child, execution).status == "completed"


def test_waking_without_an_answer_waits_on(engine, child):
    execution = parked(engine, child, ask(timeout="1d"))
    with engine.scope():
        leases.wake(execution.id)
    again = go_on(engine, child, execution)
    assert (again.status, again.due_at) == ("waiting", execution.due_at)
    assert len(waits(engine, execution)) == 1


def test_when_its_time_is_over_the_step_fails(engine, child):
    execution = parked(engine, child, ask(timeout="1d"))
    expire(engine, execution)
    done = go_on(engine, child, execution)
    assert (done.status, done.error["code"]) == ("failed", "approval_timeout")


def test_when_its_time_is_over_a_branch_may_be_taken(engine, child, alice):
    execution = parked(engine, child, ask(timeout="1d", on_timeout="continue"), GOT)
    expire(engine, execution)
    assert listed(alice, execution, status="timeout")
    done = go_on(engine, child, execution)
    assert done.outputs["got"]["decision"] == "timeout"
    assert listed(alice, execution)[0]["status"] == "timeout"


def test_a_crash_between_asking_and_parking_asks_once(engine, child):
    execution = parked(engine, child, ask(), GOT)
    for _ in range(2):
        with engine.scope():
            Execution.objects.filter(id=execution.id).update(status="queued")
            rows = StepRecord.objects.filter(execution_id=execution.id)
            rows.update(status="running")
        child.run(execution)
    assert len(waits(engine, execution)) == 1
    assert engine.now(execution).status == "waiting"


def test_an_answer_between_asking_and_parking_is_not_lost(
    engine, child, alice, monkeypatch
):
    from apps.executions.engine.runner import _Run

    park = _Run._park

    def late(self, signal):
        monkeypatch.setattr(_Run, "_park", park)
        with engine.scope():
            wait = approvals.approval_list().get()
            approvals.approval_decide(
                approval=wait, by=alice.viewer, decision="approved"
            )
        park(self, signal)

    monkeypatch.setattr(_Run, "_park", late)
    execution = engine.start({"steps": [ask(), GOT]})
    child.run(execution)
    assert go_on(engine, child, execution).status == "completed"


def test_deciding_twice_is_a_conflict(engine, child, alice):
    execution = parked(engine, child, ask(), GOT)
    decide(alice, execution)
    answer = decide(alice, execution, "denied")
    assert code(answer) == (409, "already_decided")
    assert "approved by alice@example.com" in answer.json()["detail"]
    assert go_on(engine, child, execution).status == "completed"


def test_of_many_who_decide_at_once_one_is_first(engine, child, alice):
    execution = parked(engine, child, ask(), GOT)
    (pending,) = listed(alice, execution)
    codes = []

    def post():
        url = f"/api/approvals/{pending['id']}/decide"
        codes.append(alice.client.post(url, {"decision": "approved"}).status_code)
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, *[409] * 5]


def test_deciding_after_its_time_is_a_conflict(engine, child, alice):
    execution = parked(engine, child, ask(timeout="1d", on_timeout="continue"))
    expire(engine, execution)
    assert code(decide(alice, execution)) == (409, "approval_expired")
    assert go_on(engine, child, execution).status == "completed"
    assert code(decide(alice, execution)) == (409, "execution_ended")


def test_a_cancel_closes_what_was_asked(engine, child, alice):
    execution = parked(engine, child, ask())
    cancel(engine, execution)
    assert waits(engine, execution)[0].closed_at is not None
    assert listed(alice, execution)[0]["status"] == "closed"
    assert code(decide(alice, execution)) == (409, "execution_ended")


def test_ones_own_may_be_forbidden(engine, child, alice, member):
    execution = parked(engine, child, ask(allow_own=False), GOT)
    assert not listed(alice, execution)[0]["can_decide"]
    assert code(decide(alice, execution)) == (403, "own_execution")
    other = member(Role.OPERATOR)
    assert listed(other, execution)[0]["can_decide"]
    assert decide(other, execution).status_code == 200


def test_whoever_may_not_decide_is_not_told(engine, child, alice, member):
    operator = member(Role.OPERATOR)
    execution = parked(engine, child, ask(allow_own=False))
    (wait,) = waits(engine, execution)
    assert wait.details["recipients"] == [operator.email]


def test_ones_own_is_also_what_a_workflow_called(engine, child, alice):
    inner = engine.workflow({"steps": [ask(allow_own=False)]})
    call = {"type": "call_workflow", "params": {"workflow": str(inner.id)}}
    parked(engine, child, call)
    (queued,) = alice.client.get("/api/executions?status=queued").json()["results"]
    called = claimed(engine, child, queued["id"])
    assert code(decide(alice, called)) == (403, "own_execution")


def test_ones_own_is_also_what_ones_api_key_started(engine, child, alice, api_key):
    robot = api_key("read", "execute")
    workflow = engine.workflow({"steps": [ask(allow_own=False)]})
    made = robot.post(f"/api/workflows/{workflow.id}/execute").json()
    execution = claimed(engine, child, made["id"])
    assert code(decide(alice, execution)) == (403, "own_execution")


def test_an_api_key_cannot_stand_for_a_second_pair_of_eyes(
    engine, child, alice, api_key
):
    execution = parked(engine, child, ask(allow_own=False))
    (pending,) = listed(alice, execution)
    url = f"/api/approvals/{pending['id']}/decide"
    answer = api_key("read", "execute").post(url, {"decision": "approved"})
    assert code(answer) == (403, "own_execution")


def test_an_api_key_decides_where_it_may(engine, child, alice, api_key):
    execution = parked(engine, child, ask())
    (pending,) = listed(alice, execution)
    url = f"/api/approvals/{pending['id']}/decide"
    assert code(api_key("read").post(url, {"decision": "denied"}))[0] == 403
    answer = api_key("read", "execute").post(url, {"decision": "approved"})
    assert answer.json()["decided_by"] == "API key robot"


def test_a_role_stands_for_higher_ones_too(engine, child, alice, member):
    execution = parked(engine, child, ask(approvers=["admin"]))
    assert code(decide(member(Role.EDITOR), execution)) == (403, "not_an_approver")
    assert decide(alice, execution).status_code == 200


def test_whoever_is_named_decides_whatever_their_role(engine, child, alice, bob):
    execution = parked(engine, child, ask(approvers=[bob.email]))
    assert code(decide(alice, execution)) == (403, "not_an_approver")
    assert decide(bob, execution).status_code == 200


def test_viewers_may_look_and_not_decide(engine, child, bob):
    execution = parked(engine, child, ask())
    assert listed(bob, execution)[0]["can_decide"] is False
    assert code(decide(bob, execution)) == (403, "not_an_approver")


def test_strangers_and_nobody_see_nothing(engine, child, alice, carol, anonymous):
    execution = parked(engine, child, ask())
    (pending,) = listed(alice, execution)
    url = f"/api/approvals/{pending['id']}"
    assert listed(carol) == []
    for path in (url, f"{url}/decide"):
        method = "post" if path.endswith("decide") else "get"
        sent = {"decision": "approved"} if method == "post" else None
        assert getattr(carol.client, method)(path, sent).status_code == 404
        assert getattr(anonymous, method)(path, sent).status_code == 401
    assert engine.now(execution).status == "waiting"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "maybe"},
        {"decision": True},
        {"decision": "approved", "reason": "x" * 2_001},
        {"decision": "approved", "reason": "a\u0001"},
        {"decision": "approved", "by": "me"},
    ],
)
def test_unusable_decisions_are_refused(engine, child, alice, body):
    execution = parked(engine, child, ask())
    (pending,) = listed(alice, execution)
    answer = alice.client.post(f"/api/approvals/{pending['id']}/decide", body)
    assert answer.status_code == 400
    assert listed(alice, execution, status="pending")


def test_the_list_is_filtered_by_status(engine, child, alice):
    first = parked(engine, child, ask())
    second = parked(engine, child, ask(), hear())
    decide(alice, first)
    assert [one["execution_id"] for one in listed(alice, status="pending")] == [
        str(second.id)
    ]
    assert [one["execution_id"] for one in listed(alice, status="approved")] == [
        str(first.id)
    ]
    assert len(listed(alice)) == 2
    answer = alice.client.get("/api/approvals?status=odd")
    assert answer.status_code == 400


def test_the_list_costs_the_same_however_long_it_is(
    engine, child, alice, django_assert_max_num_queries
):
    for _ in range(3):
        parked(engine, child, ask(allow_own=False))
    with django_assert_max_num_queries(12):
        assert len(listed(alice)) == 3


def test_the_execution_shows_what_it_waits_for(engine, child, alice):
    execution = parked(engine, child, ask(title="Pay", approvers=["admin"]))
    shown = alice.client.get(f"/api/executions/{execution.id}").json()
    (wait,) = shown["waits"]
    assert (wait["kind"], wait["path"], wait["title"]) == ("approval", "ok", "Pay")
    assert (wait["approvers"], wait["url"]) == (["admin"], None)
    assert shown["reason"] == "approval: Pay"


def test_secrets_are_hidden_in_what_is_asked(engine, child, alice):
    alice.client.post("/api/secrets", {"name": "code", "value": "hunter2-hunter2"})
    execution = parked(engine, child, ask(message="Use {{ secrets.code }}?"))
    assert listed(alice, execution)[0]["message"] == "Use ***?"
    assert "hunter2" not in str(waits(engine, execution)[0].details)


def test_a_mail_that_fails_is_a_warning_while_it_waits(engine, child, alice):
    execution = parked(engine, child, ask(notify=True), GOT)
    (record,) = engine.records(execution)
    assert "No mail can be sent" in record.warnings[0]
    decide(alice, execution)
    go_on(engine, child, execution)
    assert "No mail can be sent" in engine.records(execution)[0].warnings[0]


def test_a_dry_run_asks_nobody(engine):
    done = engine.run({"steps": [ask(approvers=["admin"])]}, dry_run=True)
    would = {"dry_run": True, "would": "ask admin for approval"}
    assert (done.status, done.outputs["ok"]) == ("completed", would)


def test_branches_wait_side_by_side(engine, child, alice):
    branches = [
        {"name": "left", "steps": [ask("one", timeout="1d")]},
        {"name": "right", "steps": [ask("two")]},
    ]
    execution = parked(engine, child, {"type": "parallel", "branches": branches})
    one, two = sorted(listed(alice, execution), key=lambda row: row["path"])
    url = "/api/approvals/{}/decide"
    alice.client.post(url.format(two["id"]), {"decision": "approved"})
    assert go_on(engine, child, execution).status == "waiting"
    alice.client.post(url.format(one["id"]), {"decision": "approved"})
    assert go_on(engine, child, execution).status == "completed"


def test_a_database_that_restarts_while_it_asks_fails_nothing(
    engine, child, on_run, cut_connections
):
    on_run("approval", lambda ctx: cut_connections())
    execution = parked(engine, child, ask())
    assert len(waits(engine, execution)) == 1
