"""Rule 9: whose turn it is, by priority, age and fairness, and organization limits."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from apps.accounts.models import Organization
from apps.core import tenancy
from apps.executions.engine import claims
from apps.executions.models import Execution
from apps.executions.services import Parent
from tests.executions.engine.conftest import put
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = {"steps": [put("a", 1)]}


@pytest.fixture
def other(transactional_db, carol):
    """The engine of another organization."""
    return Engine(carol.viewer)


def take(count=1, pool="default"):
    """Ids of the next ones, as workers claim them."""
    found = [claims.claim_next([pool], f"w:{number}") for number in range(count)]
    return [lease.execution_id for lease in found if lease]


def age(execution, seconds):
    with tenancy.system():
        row = Execution.objects.get(id=execution.id)
        row.order_at -= timedelta(seconds=seconds)
        row.save(update_fields=["order_at"])


def limit(engine, most):
    with tenancy.system():
        Organization.objects.filter(id=engine.viewer.organization_id).update(
            max_concurrent=most
        )


def test_what_was_queued_first_is_first(engine):
    ids = [engine.start(STEPS).id for _ in range(4)]
    assert take(5) == ids


def test_the_higher_priority_is_first(engine):
    low, normal, high = (engine.start(STEPS, priority=n).id for n in (0, 5, 9))
    assert take(3) == [high, normal, low]


def test_a_low_priority_grows_with_age(engine, settings):
    low = engine.start(STEPS, priority=0)
    age(low, 10 * settings.PRIORITY_AGEING.total_seconds())
    high = engine.start(STEPS, priority=9)
    assert take(2) == [low.id, high.id]


def test_a_child_goes_before_what_was_queued_after_its_parent(engine):
    parent = engine.start(STEPS)
    assert take() == [parent.id]
    later = engine.start(STEPS, priority=9)
    child = engine.start(STEPS, parent=Parent(parent.id, 1, waits=True))
    assert engine.now(child).order_at == engine.now(parent).order_at
    age(later, -600)
    assert take(2) == [child.id, later.id]


def test_the_thousand_of_one_organization_do_not_keep_out_the_one_of_another(
    engine, other
):
    many = [engine.start(STEPS).id for _ in range(20)]
    one = other.start(STEPS).id
    # Of two places each organization gets one.
    assert set(take(2)) == {many[0], one}


def test_the_organization_with_the_fewest_running_is_next(engine, other):
    for _ in range(6):
        engine.start(STEPS)
    assert len(take(3)) == 3
    mine = {other.start(STEPS).id for _ in range(3)}
    assert set(take(3)) == mine


def test_what_one_runs_in_another_pool_does_not_count(engine, other):
    elsewhere = {**STEPS, "settings": {"pool": "browser"}}
    for _ in range(3):
        engine.start(elsewhere)
    assert len(take(3, pool="browser")) == 3
    theirs = [other.start(STEPS).id for _ in range(3)]
    assert take() == theirs[:1]
    mine = engine.start(STEPS).id
    assert take() == [mine]


def test_equals_are_chosen_by_chance(engine, other):
    firsts = set()
    for _ in range(30):
        mine, theirs = engine.start(STEPS), other.start(STEPS)
        firsts.add(take(2)[0] == mine.id)
        with tenancy.system():
            Execution.objects.filter(id__in=[mine.id, theirs.id]).update(
                status="completed", lease_until=None
            )
    assert firsts == {True, False}


def test_a_pool_takes_its_own_only(engine):
    document = {**STEPS, "settings": {"pool": "browser"}}
    execution = engine.start(document)
    assert take() == []
    assert take(pool="browser") == [execution.id]


def test_an_organization_has_no_more_running_than_it_may(engine, other):
    limit(engine, 2)
    mine = [engine.start(STEPS).id for _ in range(4)]
    theirs = other.start(STEPS).id
    assert set(take(5)) == {*mine[:2], theirs}
    assert engine.now(Execution(id=mine[2])).status == "queued"


def test_two_workers_cannot_both_take_the_last_place(engine):
    limit(engine, 3)
    for _ in range(12):
        engine.start(STEPS)
    gate, won = threading.Barrier(10), []

    def worker(number):
        try:
            gate.wait()
            won.append(claims.claim_next(["default"], f"w:{number}"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker, args=[n]) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([lease for lease in won if lease]) == 3


def test_waiting_gives_the_organizations_place_back(engine):
    limit(engine, 1)
    engine.start({"steps": [{"type": "delay", "params": {"seconds": 3600}}]})
    second = engine.start(STEPS)
    execution = engine.now(Execution(id=take()[0]))
    assert take() == []
    with tenancy.system():
        Execution.objects.filter(id=execution.id).update(status="waiting")
    assert take() == [second.id]


def test_many_claims_at_once_take_each_execution_once(engine, other):
    for _ in range(15):
        engine.start(STEPS)
        other.start(STEPS)
    taken, lock = [], threading.Lock()

    def worker(number):
        try:
            while lease := claims.claim_next(["default"], f"w:{number}"):
                with lock:
                    taken.append(lease.execution_id)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 30
