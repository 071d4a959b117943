"""Approving and denying on pages and by the link from a mail."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, Membership
from apps.core import tenancy
from apps.executions.links import approval_url
from tests import mail_server
from tests.executions.cancelling import cancel
from tests.executions.engine.waiting import ask, expire, go_on, hear, parked, waits
from tests.mail_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings) -> Iterator[MailServer]:
    with mail_server.running() as running:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", running.port
        settings.SMTP_TLS, settings.SMTP_FROM = "none", "rpa@example.com"
        yield running


def path_to(engine, execution, number=0) -> str:
    (wait,) = waits(engine, execution)
    url = approval_url(wait.organization_id, wait.id, number)
    return url.removeprefix("http://127.0.0.1:8000")


def state(engine, execution) -> str | None:
    (wait,) = waits(engine, execution)
    return (wait.answer or {}).get("decision")


def test_the_execution_page_lets_approvers_decide(engine, child, owner, alice):
    execution = parked(engine, child, ask(title="Pay 12", message="To <b>Ann</b>"))
    page = owner.get(f"/executions/{execution.id}")
    assert "Pay 12" in page.text
    assert "To <b>Ann</b>" in page.text
    assert {"Approve", "Deny"} <= set(page.buttons())
    path = page.all("section.card form")[0].get("action")
    answer = owner.post(path, decision="denied", reason="too\r\nmuch").response
    assert answer["Location"] == f"/executions/{execution.id}"
    done = go_on(engine, child, execution)
    assert done.error["message"] == f"{alice.email} denied it: too\nmuch"
    assert "Approve" not in owner.get(f"/executions/{execution.id}").buttons()


def test_whoever_is_no_approver_sees_no_buttons(engine, child, looker, owner):
    execution = parked(engine, child, ask(), hear())
    page = looker.get(f"/executions/{execution.id}")
    assert "Pay it?" in page.text
    assert "Approve" not in page.buttons()
    path = owner.get(f"/executions/{execution.id}").all("section.card form")
    assert looker.post(path[0].get("action"), decision="approved").status == 403
    assert state(engine, execution) is None


def test_the_resume_url_is_shown_to_whoever_may_run(engine, child, owner, looker):
    execution = parked(engine, child, hear(message="the bank"))
    assert "/resume/" in owner.get(f"/executions/{execution.id}").text
    page = looker.get(f"/executions/{execution.id}")
    assert "Waits for a call: the bank" in page.text
    assert "/resume/" not in page.text


def test_deciding_what_was_decided_says_so(engine, child, owner):
    execution = parked(engine, child, ask())
    page = owner.get(f"/executions/{execution.id}")
    path = page.all("section.card form")[0].get("action")
    owner.post(path, decision="approved")
    owner.post(path, decision="denied")
    assert "approved by alice" in owner.get(f"/executions/{execution.id}").text
    assert state(engine, execution) == "approved"


def test_an_approval_belongs_to_its_execution(engine, child, owner, stranger):
    one, two = parked(engine, child, ask()), parked(engine, child, ask())
    (wait,) = waits(engine, two)
    path = f"/executions/{one.id}/approvals/{wait.id}"
    assert owner.post(path, decision="approved").status == 404
    path = f"/executions/{two.id}/approvals/{wait.id}"
    assert stranger.post(path, decision="approved").status == 404
    assert owner.post(path, decision="odd").response["Location"]
    assert state(engine, two) is None


def test_a_link_from_a_mail_shows_a_page_and_decides_by_its_button(
    engine, child, nobody, server
):
    named = ["cfo@partner.example"]
    step = ask(notify=True, approvers=named, message="Pay Ann 12?\nToday.")
    execution = parked(engine, child, step)
    (mail,) = server.mails
    text = mail.message.get_content()
    link = re.search(r"http://127.0.0.1:8000(/approve/\S+)", text)
    assert (mail.recipients, "Today." in text) == (named, True)
    page = nobody.get(link[1])
    assert page.status == 200
    for shown in ("Acme", "Pay Ann 12?", "Alice", str(execution.id), named[0]):
        assert shown in page.text
    assert state(engine, execution) is None
    answer = nobody.post(link[1], decision="approved", reason="fine").response
    assert answer["Location"] == link[1]
    assert "cfo@partner.example approved this" in nobody.get(link[1]).text
    assert go_on(engine, child, execution).status == "completed"
    assert engine.output(execution, "ok")["by"] == named[0]
    assert engine.records(execution)[0].warnings == []
    with engine.scope():
        (entry,) = AuditEntry.objects.filter(action="approval.approve")
    assert (entry.user_id, entry.after["by"]) == (None, named[0])


def test_members_with_the_role_get_links_of_their_own(
    engine, child, member, bob, server
):
    editor = member("editor")
    parked(engine, child, ask(notify=True))
    told = [one for mail in server.mails for one in mail.recipients]
    assert told == ["alice@example.com", editor.email]
    texts = [mail.message.get_content() for mail in server.mails]
    links = {re.search(r"/approve/\S+", text)[0] for text in texts}
    assert len(links) == 2


def test_the_page_is_not_kept_and_not_embedded(engine, child, nobody):
    execution = parked(engine, child, ask())
    response = nobody.get(path_to(engine, execution)).response
    assert response["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


def test_looking_decides_nothing(engine, child):
    execution = parked(engine, child, ask())
    path = path_to(engine, execution)
    for method in ("get", "head", "options"):
        sent = getattr(Client(), method)(f"{path}?decision=approved")
        assert sent.status_code == 200
    assert Client().put(path).status_code == 405
    assert state(engine, execution) is None


def test_a_form_of_another_site_decides_nothing(engine, child):
    execution = parked(engine, child, ask())
    client = Client(enforce_csrf_checks=True)
    answer = client.post(path_to(engine, execution), {"decision": "approved"})
    assert answer.status_code == 403
    assert state(engine, execution) is None


def test_a_forged_link_is_not_found(engine, child, nobody):
    execution = parked(engine, child, ask())
    good = path_to(engine, execution)
    last = "A" if good[-1] != "A" else "B"
    for path in (
        good[:-1] + last,
        good[:-1],
        "/approve/x",
        path_to(engine, execution, number=7),
        good.replace("/approve/", "/resume/"),
    ):
        assert nobody.post(path, decision="approved").status == 404, path
    assert state(engine, execution) is None


def test_a_link_is_good_for_its_own_approval_only(engine, child, nobody):
    one, two = parked(engine, child, ask()), parked(engine, child, ask())
    nobody.post(path_to(engine, one), decision="approved")
    assert (state(engine, one), state(engine, two)) == ("approved", None)


def test_deciding_twice_by_links_says_who_was_first(engine, child, nobody):
    approvers = ["a@example.org", "b@example.org"]
    execution = parked(engine, child, ask(approvers=approvers))
    nobody.post(path_to(engine, execution, 0), decision="denied")
    page = nobody.post(path_to(engine, execution, 1), decision="approved")
    assert page.status == 409
    assert "denied by a@example.org" in page.text
    assert state(engine, execution) == "denied"


def test_a_link_after_its_time_decides_nothing(engine, child, nobody):
    execution = parked(engine, child, ask(timeout="1d"))
    expire(engine, execution)
    path = path_to(engine, execution)
    assert "time to decide has passed" in nobody.get(path).text
    assert nobody.post(path, decision="approved").status == 409
    assert go_on(engine, child, execution).error["code"] == "approval_timeout"
    assert "time to decide has passed" in nobody.get(path).text


def test_a_link_to_what_was_cancelled_says_so(engine, child, nobody):
    execution = parked(engine, child, ask())
    cancel(engine, execution)
    path = path_to(engine, execution)
    assert "has ended" in nobody.get(path).text
    assert nobody.post(path, decision="approved").status == 409


def test_ones_own_link_may_be_forbidden(engine, child, nobody):
    mine = engine.viewer.user.email
    execution = parked(engine, child, ask(approvers=[mine], allow_own=False))
    page = nobody.post(path_to(engine, execution), decision="approved")
    assert (page.status, state(engine, execution)) == (403, None)


def test_a_member_who_lost_the_role_lost_the_link(engine, child, member, nobody):
    editor = member("editor")
    execution = parked(engine, child, ask())
    with tenancy.system():
        Membership.objects.filter(id=editor.membership_id).delete()
    page = nobody.post(path_to(engine, execution, number=1), decision="approved")
    assert (page.status, state(engine, execution)) == (403, None)


@pytest.mark.parametrize(
    "sent", [{}, {"decision": "maybe"}, {"decision": "denied", "reason": "x" * 2_001}]
)
def test_an_unusable_form_decides_nothing(engine, child, nobody, sent):
    execution = parked(engine, child, ask())
    assert nobody.post(path_to(engine, execution), **sent).status == 400
    assert state(engine, execution) is None
