"""A workflow's own URL on its page."""

import pytest

from apps.executions.hooks import hook_make, hook_switch, hook_url
from tests.dashboard.documents import FINE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hooked(engine):
    """A workflow with a URL of its own."""
    workflow = engine.workflow(FINE)
    with engine.scope():
        hook, _ = hook_make(workflow=workflow, by=engine.viewer)
    return workflow, hook


def test_it_is_shown_with_a_button_that_copies_it(engine, owner, hooked):
    workflow, hook = hooked
    page = owner.get(f"/workflows/{workflow.id}")
    (field,) = page.all("#hook-url")
    assert field.get("value") == hook_url(hook)
    assert page.all('button[data-copy="hook-url"]')


def test_who_may_only_look_does_not_see_it(bob, visit, hooked):
    page = visit(bob).get(f"/workflows/{hooked[0].id}")
    assert page.status == 200
    assert not page.all("#hook-url")


def test_one_that_is_switched_off_is_shown_as_such(engine, owner, hooked):
    with engine.scope():
        hook_switch(hook=hooked[1], by=engine.viewer, is_enabled=False)
    assert "switched off" in owner.get(f"/workflows/{hooked[0].id}").text


def test_a_workflow_without_one_shows_none(engine, owner):
    workflow = engine.workflow(FINE)
    assert not owner.get(f"/workflows/{workflow.id}").all("#hook-url")
