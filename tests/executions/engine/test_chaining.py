"""The next execution is taken in the transaction that ends another, and never lost."""

from dataclasses import replace
from itertools import pairwise

import pytest
from django.db import OperationalError

from apps.core import tenancy, trips
from apps.executions.engine import chaining as chains
from apps.executions.engine import claims, endings, idling, leases, runner, worker
from apps.executions.engine.chaining import Chain
from apps.executions.models import Execution
from tests.executions.engine.conftest import bad, put

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = {"steps": [put("a", 1)]}


@pytest.fixture
def chaining(child):
    """A child that may go on to the next one of the pool."""
    child.place = replace(child.place, chain=Chain(lambda: "default"))
    return child


@pytest.fixture
def trips_made(monkeypatch):
    """How many round trips with a claim in them were made."""
    made = []
    one_trip = trips.one_trip

    def count(*statements, organization_id):
        if any(one.name == "claim_next" for one in statements):
            made.append(len(statements))
        return one_trip(*statements, organization_id=organization_id)

    monkeypatch.setattr(claims, "one_trip", count)
    monkeypatch.setattr(endings, "one_trip", count)
    return made


def run_next(child):
    return runner.run_next(["default"], child.place)


def test_a_child_goes_on_to_the_next_without_a_claim_of_its_own(
    engine, chaining, trips_made
):
    ids = [engine.start(STEPS).id for _ in range(4)]
    assert run_next(chaining)
    with engine.scope():
        rows = Execution.objects.filter(id__in=ids).order_by("id")
        found = [(row.status, row.lease_token, row.deliveries) for row in rows]
    assert found == [("completed", 1, 1)] * 4
    # One alone, then one with the end of each but the last.
    assert len(trips_made) == 4
    assert trips_made[0] == 1
    assert chaining.table.occupants() == []


def test_it_goes_on_after_a_failure_as_well(engine, chaining):
    first = engine.start({"steps": [bad("no")]})
    second = engine.start(STEPS)
    run_next(chaining)
    assert [engine.now(one).status for one in (first, second)] == [
        "failed",
        "completed",
    ]


def test_the_turn_is_decided_anew_each_time(engine, chaining):
    low, other = engine.start(STEPS, priority=0), engine.start(STEPS, priority=5)
    high = engine.start(STEPS, priority=9)
    run_next(chaining)
    with engine.scope():
        rows = Execution.objects.order_by("started_at")
        assert [row.id for row in rows] == [high.id, other.id, low.id]


def test_one_that_was_alone_claims_nothing_with_its_end(engine, chaining, trips_made):
    engine.start(STEPS)
    run_next(chaining)
    assert trips_made == [1]


def test_a_worker_that_may_take_no_more_takes_none_with_an_end(engine, child):
    first, second = engine.start(STEPS), engine.start(STEPS)
    run_next(child)
    assert [engine.now(one).status for one in (first, second)] == [
        "completed",
        "queued",
    ]


def test_a_chain_has_an_end(engine, chaining, monkeypatch):
    monkeypatch.setattr(chains, "LONGEST", 1)
    executions = [engine.start(STEPS) for _ in range(3)]
    run_next(chaining)
    assert [engine.now(one).status for one in executions] == [
        "completed",
        "completed",
        "queued",
    ]


def test_limits_are_kept(engine, chaining):
    document = {**STEPS, "settings": {"concurrency": {"limit": 1}}}
    workflow = engine.workflow(document)
    limited = [engine.start(workflow) for _ in range(3)]
    assert [engine.now(one).is_held for one in limited] == [False, True, True]
    other = engine.start(STEPS)
    run_next(chaining)
    # Each end lets go the next one, and may take it in the same transaction.
    ended = [engine.now(one) for one in (*limited, other)]
    assert {one.status for one in ended} == {"completed"}
    spans = [(one.started_at, one.finished_at) for one in ended[:3]]
    assert spans == sorted(spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_what_was_taken_by_an_unconfirmed_commit_goes_back_to_the_queue(
    engine, chaining, monkeypatch
):
    first, second = engine.start(STEPS), engine.start(STEPS)
    one_trip, failed = trips.one_trip, []

    def lose_the_answer(*statements, organization_id):
        found = one_trip(*statements, organization_id=organization_id)
        if len(statements) > 1 and not failed:
            failed.append(1)
            raise OperationalError("connection lost")
        return found

    monkeypatch.setattr(endings, "one_trip", lose_the_answer)
    run_next(chaining)
    assert engine.now(first).status == "completed"
    now = engine.now(second)
    assert (now.status, now.lease_owner) == ("queued", "")


def test_a_child_that_dies_with_two_leases_gives_both_back(engine, claim, child):
    held, other = claim(owner="gone"), claim(owner="gone")
    owner = leases.owner_name(child.identity.host, 2**22 + 1)
    with tenancy.system():
        Execution.objects.filter(lease_owner="gone").update(lease_owner=owner)
    child.slot.take(held.execution.id, held.lease.token, 0.0)
    child.table._memory[4:8] = (2**22 + 1).to_bytes(4, "little")
    child.supervisor._watch()
    child.supervisor._keep()
    for one in (held, other):
        assert engine.now(one.execution).status == "queued"


def test_a_chain_that_took_long_ends(engine, chaining, monkeypatch):
    monkeypatch.setattr(chains, "LONGEST_S", -1.0)
    executions = [engine.start(STEPS) for _ in range(2)]
    run_next(chaining)
    assert [engine.now(one).status for one in executions] == ["completed", "queued"]


def test_the_messages_of_what_was_taken_are_taken_back(engine, chaining, monkeypatch):
    monkeypatch.setattr(worker, "_place", chaining.place)
    taken_back = []
    monkeypatch.setattr(idling, "unring", lambda *facts: taken_back.append(facts))
    executions = [engine.start(STEPS) for _ in range(3)]
    idling.answer(str(executions[0].id), "default")
    assert {engine.now(one).status for one in executions} == {"completed"}
    assert taken_back == [("default", 2)]
    # One by itself had its own message.
    idling.answer(str(engine.start(STEPS).id), "default")
    assert taken_back == [("default", 2)]


def test_what_was_found_without_a_message_takes_none_back(
    engine, chaining, monkeypatch
):
    monkeypatch.setattr(worker, "_place", chaining.place)
    monkeypatch.setattr(idling, "is_any_missed", lambda pools: True)
    monkeypatch.setattr(idling, "unring", lambda *facts: pytest.fail("took back"))
    executions = [engine.start(STEPS) for _ in range(3)]
    idling.look(lambda: False)
    assert {engine.now(one).status for one in executions} == {"completed"}
