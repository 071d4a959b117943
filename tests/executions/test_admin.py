"""The operators' admin shows the executions of all organizations."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.core.ids import uuid7
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.engine.workers import Identity, say_alive
from apps.executions.models import Execution, Worker
from tests.executions.documents import broken, doc, put
from tests.fixtures_cast import Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

URL = "/admin/executions/execution/"


def signed_in(email: str, **more: Any) -> Client:
    user = get_user_model().objects.create(email=email, is_staff=True, **more)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator(db: None) -> Client:
    """A superuser, signed in to the admin."""
    return signed_in("operator@example.com", is_superuser=True)


def many(engine: Engine, count: int) -> None:
    like = engine.start(doc())
    rows = [
        Execution(
            id=uuid7(),
            organization_id=like.organization_id,
            workflow_id=like.workflow_id,
            version_id=like.version_id,
            trigger="api",
            status="completed",
            inputs={"secret_looking": "in the inputs"},
        )
        for _ in range(count)
    ]
    with engine.scope():
        Execution.objects.bulk_create(rows)


def test_lists_a_thousand_with_few_questions(engine: Engine, operator: Client) -> None:
    many(engine, 1_000)
    with CaptureQueriesContext(connection) as asked:
        page = operator.get(URL)
    assert page.status_code == 200
    assert len(asked) < 20
    assert not any('"inputs"' in query["sql"] for query in asked)
    text = page.content.decode()
    assert text.count('name="_selected_action"') == 50
    assert not any("count(" in query["sql"].lower() for query in asked)
    assert "10000 results" not in text
    assert operator.get(f"{URL}?p=20").status_code == 200


def test_shows_those_of_all_organizations(
    engine: Engine, carol: Person, operator: Client
) -> None:
    ids = [engine.start(doc()).id, Engine(carol.viewer).start(doc()).id]
    text = operator.get(URL).content.decode()
    assert all(str(one) in text for one in ids)


def test_filters_and_searches(engine: Engine, operator: Client) -> None:
    done, queued = engine.run(doc()), engine.start(doc())

    def shown(query: str) -> list[bool]:
        page = operator.get(f"{URL}?{query}")
        assert page.status_code == 200
        text = page.content.decode()
        return [f"{one.id}/change" in text for one in (done, queued)]

    assert shown("status=completed") == [True, False]
    assert shown("trigger=schedule") == [False, False]
    assert shown(f"q={queued.id}") == [False, True]
    assert shown(f"q={done.workflow_id}") == [True, False]
    assert shown("q=nonsense") == [False, False]


def test_shows_an_execution_with_its_steps(engine: Engine, operator: Client) -> None:
    name = "<script>alert(1)</script>"
    document = doc(put("a", name), broken("b", name=name))
    done = engine.run(document, labels={"team": name})
    ArtifactStore(done.organization_id, done.id, "a").save(
        "shot.png", b"x", "image/png"
    )
    page = operator.get(f"{URL}{done.id}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<code>b</code>" in text
    assert "missing.txt" in text
    assert "shot.png" in text
    assert "team" in text
    assert "<script>alert" not in text


def test_shows_no_secret(engine: Engine, alice: Person, operator: Client) -> None:
    alice.client.post("/api/secrets", {"name": "token", "value": "s3cret-value"})
    done = engine.run(doc(put("a", "{{ secrets.token }}", save_as="b")))
    text = operator.get(f"{URL}{done.id}/change/").content.decode()
    assert "***" in text
    assert "s3cret-value" not in text
    assert "secret:token" not in text


def test_changes_nothing_but_cancels(engine: Engine, operator: Client) -> None:
    execution = engine.start(doc())
    assert operator.get(f"{URL}add/").status_code == 403
    assert operator.post(f"{URL}{execution.id}/delete/").status_code == 403
    operator.post(f"{URL}{execution.id}/change/", {"status": "completed"})
    assert engine.now(execution).status == "queued"


def test_cancels_the_chosen_and_leaves_a_trail(
    engine: Engine, operator: Client
) -> None:
    done, chosen, other = engine.run(doc()), engine.start(doc()), engine.start(doc())
    ids = [str(done.id), str(chosen.id)]
    page = operator.post(
        URL, {"action": "cancel", "_selected_action": ids}, follow=True
    )
    assert "1 asked to stop." in page.content.decode()
    statuses = [engine.now(one).status for one in (done, chosen, other)]
    assert statuses == ["completed", "cancelled", "queued"]
    with engine.scope():
        entry = AuditEntry.objects.get(action="execution.cancel")
    with tenancy.system():
        user = get_user_model().objects.get(id=entry.user_id)
    assert user.email == "operator@example.com"


def test_retries_what_failed_and_says_what_it_cannot(
    engine: Engine, operator: Client
) -> None:
    failed, done = engine.run(doc(broken("b"))), engine.run(doc())
    open_ = engine.start(doc())
    ids = [str(one.id) for one in (failed, done, open_)]
    page = operator.post(URL, {"action": "retry", "_selected_action": ids}, follow=True)
    text = page.content.decode()
    assert "1 started again." in text
    assert "Nothing failed in this execution" in text
    assert "has not ended yet" in text
    with engine.scope():
        again = Execution.objects.get(retry_of=failed.id)
        entry = AuditEntry.objects.get(action="execution.retry")
    assert again.status == "queued"
    assert entry.target_id == str(again.id)
    assert entry.user_id is not None


def on_its_page(client: Client, url: str, row: Any, action: str) -> str:
    """Press a button on a row's own page; gives the text of the page it leads to."""
    page = f"{url}{row.pk}/change/"
    assert f'value="{action}">' in client.get(page).content.decode()
    sent = {"action": action, "_selected_action": str(row.pk)}
    answer = client.post(url, sent | {"_on_its_page": str(row.pk)}, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    return answer.content.decode()


def test_retries_and_cancels_on_an_executions_own_page(
    engine: Engine, operator: Client
) -> None:
    failed = engine.run(doc(broken("b")))
    text = on_its_page(operator, URL, failed, "retry")
    with engine.scope():
        again = Execution.objects.get(retry_of=failed.id)
    assert "1 started again." in text
    assert f'href="{URL}{again.id}/change/"' in text
    assert "1 asked to stop." in on_its_page(operator, URL, again, "cancel")
    assert engine.now(again).status == "cancelled"
    text = on_its_page(operator, URL, failed, "cancel")
    assert "1 not asked to stop: The execution has ended already: failed." in text
    assert "0 asked to stop." in text


def test_buttons_of_a_page_are_sent_with_its_token_alone(
    engine: Engine, operator: Client
) -> None:
    execution = engine.start(doc())
    page = f"{URL}{execution.id}/change/"
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = operator.cookies
    sent = {"action": "cancel", "_selected_action": str(execution.id)}
    assert guarded.post(URL, sent).status_code == 403
    assert operator.get(page, sent).status_code == 200
    assert engine.now(execution).status == "queued"


def test_many_that_cannot_be_are_told_of_once(engine: Engine, operator: Client) -> None:
    many(engine, 30)
    with engine.scope():
        ids = list(Execution.objects.filter(status="completed").values_list("id"))
    chosen = {"action": "retry", "_selected_action": [str(one) for (one,) in ids]}
    text = operator.post(URL, chosen, follow=True).content.decode()
    assert text.count("30 not started again: Nothing failed in this execution") == 1


def test_refuses_to_act_on_too_many(engine: Engine, operator: Client) -> None:
    many(engine, 101)
    chosen = {"action": "cancel", "select_across": "1", "_selected_action": ["x"]}
    page = operator.post(URL, chosen, follow=True)
    assert "choose at most 100" in page.content.decode()


def test_drains_a_worker_and_remembers_who(db: None, operator: Client) -> None:
    worker = Identity(pool="default", capacity=5)
    say_alive(worker)
    chosen = {"action": "drain", "_selected_action": [str(worker.id)]}
    url = "/admin/executions/worker/"
    assert "asked." in operator.post(url, chosen, follow=True).content.decode()
    assert Worker.objects.get(id=worker.id).drain_requested_at is not None
    entry = LogEntry.objects.get(object_id=str(worker.id))
    assert (entry.user.email, entry.change_message) == (
        "operator@example.com",
        "Asked to drain.",
    )


def test_a_worker_that_is_gone_is_not_drained(db: None, operator: Client) -> None:
    worker = Identity(pool="default", capacity=5)
    say_alive(worker)
    Worker.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    chosen = {"action": "drain", "_selected_action": [str(worker.id)]}
    page = operator.post("/admin/executions/worker/", chosen, follow=True)
    assert "it is gone" in page.content.decode()
    assert Worker.objects.get(id=worker.id).drain_requested_at is None


def test_drains_and_resumes_on_a_workers_own_page(db: None, operator: Client) -> None:
    identity = Identity(pool="default", capacity=5)
    say_alive(identity)
    worker = Worker.objects.get(id=identity.id)
    url = "/admin/executions/worker/"
    assert "asked." in on_its_page(operator, url, worker, "drain")
    worker.refresh_from_db()
    assert worker.drain_requested_at is not None
    assert "asked." in on_its_page(operator, url, worker, "resume")
    worker.refresh_from_db()
    assert worker.drain_requested_at is None
    history = client_text(operator, f"{url}{worker.pk}/history/")
    assert "Asked to drain." in history
    assert "2 entries" in history


def client_text(client: Client, url: str) -> str:
    return " ".join(client.get(url).content.decode().split())


def test_who_may_only_look_cancels_nothing(engine: Engine) -> None:
    client = signed_in("looker@example.com")
    user = get_user_model().objects.get(email="looker@example.com")
    user.user_permissions.add(Permission.objects.get(codename="view_execution"))
    execution = engine.start(doc())
    assert str(execution.id) in client.get(URL).content.decode()
    chosen = {"action": "cancel", "_selected_action": [str(execution.id)]}
    client.post(URL, chosen)
    assert engine.now(execution).status == "queued"
    page = client.get(f"{URL}{execution.id}/change/").content.decode()
    assert 'value="cancel"' not in page


def test_members_of_an_organization_are_no_operators(
    engine: Engine, alice: Person
) -> None:
    client = Client()
    client.force_login(alice.user)
    assert client.get(URL).status_code == 302


def test_shows_the_workers(engine: Engine, operator: Client) -> None:
    say_alive(Identity(pool="default", capacity=5))
    page = operator.get("/admin/executions/worker/")
    assert page.status_code == 200
    assert "default@" in page.content.decode()
