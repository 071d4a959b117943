"""`keep_session`: a login that lasts from one execution to the next."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db.models import F

from apps.core import tenancy
from apps.core.egress import Policy
from apps.executions import local
from apps.executions.engine import claims
from apps.executions.engine.masking import Masker
from apps.executions.engine.tools import ExecutionTools, ProcessTools
from apps.executions.engine.vault import Vault
from apps.executions.models import Execution
from apps.executions.retention import Total, prune
from apps.steps.browser.settings import BrowserSettings
from apps.workflows.models import KeptSession
from apps.workflows.services import kept_session_load, kept_session_save
from tests.http_server import running

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Counts its visits, in its storage and in a cookie.
PAGE = """<!doctype html><title>none</title><script>
  const before = document.cookie.replace('seen=', '') || '0';
  localStorage.visits = Number(localStorage.visits || 0) + 1;
  document.cookie = `seen=${localStorage.visits}`;
  document.title = `${localStorage.visits} after ${before}`;
</script>"""
CHOSEN = BrowserSettings(keep_session="login")


@pytest.fixture(scope="module")
def shared():
    """What a worker's child keeps, its browser included, for all tests here."""
    made = ProcessTools()
    made.__dict__["policy"] = Policy(("127.0.0.1",))
    yield made
    made.close()


@pytest.fixture
def site():
    with running() as server:
        server.answers("/", 200, PAGE, {"Content-Type": "text/html"})
        yield server


@pytest.fixture
def workflow(engine, site):
    return engine.workflow(document(site))


def document(site, *more):
    opening = {"id": "open", "type": "navigate", "params": {"url": site.url("/")}}
    return {
        "settings": {"browser": {"keep_session": "login"}},
        "steps": [opening, *more],
    }


@contextmanager
def executing(engine, shared, workflow, restore=None, **options):
    """The browser of a new execution, which is given back at the end."""
    execution = engine.start(workflow, **options)
    tools = ExecutionTools(
        claims.claim(execution.id, "tests"),
        shared,
        browser_settings=CHOSEN,
        vault=Vault(Masker({}, "0" * 32), {}),
        restore=restore,
    )
    try:
        yield tools
    finally:
        tools.close()


def visit(engine, shared, workflow, site, **options):
    """Open the page in a new execution; gives its title."""
    with executing(engine, shared, workflow, **options) as tools:
        return tools.browser.goto(site.url("/"))["title"]


def kept(engine, workflow):
    with engine.scope():
        return kept_session_load(workflow_id=workflow.id, name="login")


@pytest.mark.e2e
def test_failed_executions_keep_it_too(engine, shared, site, monkeypatch):
    monkeypatch.setattr(local, "ProcessTools", lambda: shared)
    monkeypatch.setattr(shared, "close", lambda: None)
    params = {"name": "a", "value": "{{ 1 / 0 }}"}
    failing = {"id": "no", "type": "set_variable", "params": params}
    workflow = engine.workflow(document(site, failing))
    titles = []
    for _ in range(2):
        ended = engine.run(workflow)
        assert ended.status == "failed"
        titles.append(engine.output(ended, "open")["title"])
    assert titles == ["1 after 0", "2 after 1"]
    with engine.scope():
        row = KeptSession.objects.get()
        assert (row.name, row.cookies, row.sites) == ("login", 1, 1)
        assert row.execution_id == ended.id
        assert "visits" not in row.encrypted


def test_a_dry_run_reads_it_and_leaves_it(engine, shared, workflow, site):
    assert visit(engine, shared, workflow, site) == "1 after 0"
    assert visit(engine, shared, workflow, site, dry_run=True) == "2 after 1"
    assert visit(engine, shared, workflow, site) == "2 after 1"


def test_another_workflow_has_its_own(engine, shared, workflow, site):
    visit(engine, shared, workflow, site)
    other = engine.workflow(document(site))
    assert visit(engine, shared, other, site) == "1 after 0"


def test_of_two_at_once_the_last_one_stays_whole(engine, shared, workflow, site):
    with executing(engine, shared, workflow) as first:
        for _ in range(3):
            first.browser.goto(site.url("/"))
        assert visit(engine, shared, workflow, site) == "1 after 0"
    assert visit(engine, shared, workflow, site) == "4 after 3"


def test_who_lost_the_lease_keeps_nothing(engine, shared, workflow, site):
    with executing(engine, shared, workflow) as tools:
        tools.browser.goto(site.url("/"))
        with engine.scope():
            Execution.objects.update(lease_token=F("lease_token") + 1)
    assert kept(engine, workflow) == {}


def test_after_a_takeover_the_checkpoint_comes_first(engine, shared, workflow, site):
    origin = site.url("").rstrip("/")
    with executing(engine, shared, workflow) as tools:
        tools.browser.goto(site.url("/"))
        checkpoint = tools.browser.checkpoint()
    with running() as other, engine.scope():
        other.answers("/", 200, "<!doctype html><title>x</title>", {})
        state = {
            "cookies": [],
            "storage": {
                origin: {"visits": "90"},
                other.url("").rstrip("/"): {"a": "1"},
            },
        }
        kept_session_save(
            organization_id=workflow.organization_id,
            workflow_id=workflow.id,
            name="login",
            execution_id=tools.lease.execution_id,
            change=lambda _: state,
        )
    with executing(engine, shared, workflow, restore=checkpoint) as tools:
        # The page is loaded once more, which counts.
        assert tools.browser.state()["title"] == "2 after 1"
    # What only the kept session had is still there.
    assert len(kept(engine, workflow)["storage"]) == 2


def test_a_browser_that_died_leaves_what_was_kept(engine, shared, workflow, site):
    visit(engine, shared, workflow, site)
    with executing(engine, shared, workflow) as tools:
        tools.browser.goto(site.url("/"))
        process = shared.browsers.usual._browser.engine._started["browser"]
        process.kill()
        process.wait()
    assert list(kept(engine, workflow)["storage"].values()) == [{"visits": "1"}]


def test_what_nobody_uses_is_pruned(engine, workflow):
    with engine.scope():
        for name, days in (("old", 31), ("new", 29)):
            KeptSession.objects.create(
                organization_id=workflow.organization_id,
                workflow=workflow,
                name=name,
            )
            used = KeptSession.objects.filter(name=name)
            used.update(used_at=F("used_at") - timedelta(days=days))
    assert prune(dry_run=True) == Total(sessions=1)
    assert prune() == Total(sessions=1)
    with tenancy.system():
        assert [row.name for row in KeptSession.objects.all()] == ["new"]
