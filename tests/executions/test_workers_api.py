"""The platform's workers over REST: who sees them, and who may drain them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from apps.core.ids import uuid7
from apps.executions.engine.workers import Identity, say_alive
from apps.executions.models import Worker
from tests.fixtures_cast import JsonClient, Person

pytestmark = pytest.mark.django_db


def a_worker(pool: str = "default", number: int = 1, **columns: Any) -> Identity:
    """One that said it is alive, `columns` changed afterwards."""
    identity = Identity(pool, 5, host="h", process_id=number, id=uuid7())
    for _ in range(2):
        say_alive(identity, active=2, heard_ago_s=1.0)
    Worker.objects.filter(id=identity.id).update(**columns)
    return identity


def state(person: Person, identity: Identity) -> str:
    rows = person.client.get("/api/workers").json()["results"]
    return str(next(row["state"] for row in rows if row["id"] == str(identity.id)))


@pytest.fixture
def operator(alice: Person) -> Person:
    """Alice, as an operator of the platform."""
    alice.user.is_staff = True
    alice.user.save()
    return alice


def test_every_member_sees_the_workers(carol: Person) -> None:
    a_worker("browser,default")
    (row,) = carol.client.get("/api/workers").json()["results"]
    assert row["name"] == "browser,default@h:1"
    assert row["pools"] == ["browser", "default"]
    assert (row["capacity"], row["active"], row["state"]) == (5, 2, "online")
    assert row["started_at"] <= row["last_seen_at"]
    assert row["heard_at"] is not None


def test_nobody_sees_them_without_signing_in(anonymous: JsonClient) -> None:
    assert anonymous.get("/api/workers").status_code == 401
    assert anonymous.post(f"/api/workers/{uuid7()}/drain").status_code == 401


def test_the_list_is_filtered_by_pool_and_state(alice: Person) -> None:
    both = a_worker("browser,default")
    gone = a_worker("default", 2, last_seen_at=Now() - timedelta(minutes=1))

    def ids(query: str) -> list[str]:
        rows = alice.client.get(f"/api/workers?{query}").json()["results"]
        return sorted(row["id"] for row in rows)

    assert ids("pool=browser") == [str(both.id)]
    assert ids("pool=brow") == []
    assert ids("pool=default") == sorted([str(both.id), str(gone.id)])
    assert ids("state=lost") == [str(gone.id)]
    assert ids("limit=1&ordering=-id") == [str(gone.id)]


@pytest.mark.parametrize("query", ["state=dead", "colour=red", "ordering=pool"])
def test_unknown_filters_are_refused(alice: Person, query: str) -> None:
    assert alice.client.get(f"/api/workers?{query}").status_code == 400


def test_an_operator_drains_a_worker_and_lets_it_work_again(operator: Person) -> None:
    worker = a_worker()
    url = f"/api/workers/{worker.id}/drain"
    for _ in range(2):  # again is harmless
        answer = operator.client.post(url)
        assert (answer.status_code, answer.json()["state"]) == (200, "draining")
    assert say_alive(worker, active=1)
    for _ in range(2):
        answer = operator.client.delete(url)
        assert (answer.status_code, answer.json()["state"]) == (200, "online")
    assert not say_alive(worker, active=1)


def test_a_worker_is_drained_once_it_was_told_and_runs_nothing(alice: Person) -> None:
    before = Now() - timedelta(seconds=10)
    assert state(alice, a_worker("a", drain_requested_at=before)) == "draining"
    idle = a_worker("b", drain_requested_at=before, active=0)
    assert state(alice, idle) == "drained"
    not_yet_told = a_worker("c", drain_requested_at=Now(), active=0)
    assert state(alice, not_yet_told) == "draining"


@pytest.mark.parametrize("method", ["post", "delete"])
def test_only_operators_of_the_platform_may_drain(alice: Person, method: str) -> None:
    worker = a_worker()
    answer = getattr(alice.client, method)(f"/api/workers/{worker.id}/drain")
    assert answer.status_code == 403
    assert Worker.objects.get(id=worker.id).drain_requested_at is None


def test_a_worker_that_is_gone_cannot_be_drained(operator: Person) -> None:
    gone = a_worker(last_seen_at=Now() - timedelta(minutes=1))
    answer = operator.client.post(f"/api/workers/{gone.id}/drain")
    assert (answer.status_code, answer.json()["code"]) == (409, "worker_gone")


@pytest.mark.parametrize("wrong", [str(uuid.UUID(int=7)), "1", "x" * 36])
def test_an_unknown_worker_cannot_be_drained(operator: Person, wrong: str) -> None:
    assert operator.client.post(f"/api/workers/{wrong}/drain").status_code == 404


def test_a_worker_that_starts_again_under_its_name_is_not_drained(
    operator: Person,
) -> None:
    first = a_worker()
    operator.client.post(f"/api/workers/{first.id}/drain")
    again = Identity("default", 5, host="h", process_id=1, id=uuid7())
    assert not say_alive(again)
    assert state(operator, again) == "online"
