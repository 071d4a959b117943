"""Evidence of browser steps, from the page to the REST answer."""

import io
import time

import pytest
from PIL import Image

from apps.executions.engine import evidence
from apps.executions.engine.evidence import EvidenceKeeper
from apps.executions.engine.masking import Masker
from apps.executions.models import Artifact
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession
from apps.workflows.services.secrets import secret_create
from tests.executions.test_step_tests import tried
from tests.http_server import running

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KINDS = ["console", "dom", "har", "requests", "screenshot"]
VALUE = "hunter2-and-more"
PAGE = """<!doctype html><title>Sign in</title><label>Password <input id=p></label>
<script>
p.oninput = () => {
  console.log(`typed ${p.value}`);
  document.cookie = 'k=' + p.value;
  fetch('/missing?q=' + encodeURIComponent(p.value), {headers: {'X-Note': p.value}})
    .finally(() => document.body.append('answered'));
};
</script>"""


@pytest.fixture
def site(settings):
    with running() as server:
        settings.EGRESS_ALLOW = server.address
        server.answers("/page", 200, PAGE, {"Content-Type": "text/html"})
        yield server


def step(step_id, type_, **params):
    return {"id": step_id, "type": type_, "params": params}


def document(site, *steps, **browser):
    opened = step("open", "navigate", url=site.url("/page"))
    return {"settings": {"browser": browser}, "steps": [opened, *steps]}


GONE = step("gone", "click", target="#gone", timeout=0.2)


def shown(alice, execution):
    answer = alice.client.get(f"/api/executions/{execution.id}/steps").json()
    return {row["step_id"]: row["evidence"] for row in answer["results"]}


def contents(alice, evidence):
    return {
        one["kind"]: b"".join(alice.client.get(one["url"]).streaming_content)
        for one in evidence
    }


def test_a_failure_links_all_five_and_no_secret_is_in_them(engine, alice, site):
    with engine.scope():
        secret_create(by=engine.viewer, name="token", value=VALUE)
    typed = step("typed", "type", target="#p", text="{{ secrets.token }}")
    answered = step("answered", "wait_for", text="answered", timeout=5)
    tried_twice = GONE | {"retry": {"max_attempts": 2}}
    execution = engine.run(document(site, typed, answered, tried_twice))
    assert execution.error["details"]["screenshot"]["name"] == "screenshot.png"
    found = shown(alice, execution)
    assert (found["open"], found["typed"]) == ([], [])
    assert sorted(one["kind"] for one in found["gone"]) == KINDS
    assert attempts(engine, "har") == [1, 2]
    kept = contents(alice, found["gone"])
    assert b"hunter2" not in b"".join(kept.values())
    assert b"typed ***" in kept["console"]
    assert b'id="p" value="***"' in kept["dom"]
    assert b"/missing?q=***" in kept["requests"]
    assert site.url("/page").encode() in kept["har"]
    assert kept["screenshot"].startswith(b"\x89PNG")


def test_a_step_s_own_picture_shows_no_secret_either(engine, alice, site):
    red = "<style>#p { all: unset; background: red; color: red; width: 300px }</style>"
    site.answers("/red", 200, PAGE + red, {"Content-Type": "text/html"})
    with engine.scope():
        secret_create(by=engine.viewer, name="token", value=VALUE)
    typed = step("typed", "type", target="#p", text="{{ secrets.token }}")
    free = step("free", "type", target="#p", text="nothing to hide")
    before, after = (step(name, "screenshot") for name in ("before", "after"))
    opened = step("red", "navigate", url=site.url("/red"))
    execution = engine.run(document(site, opened, free, before, typed, after))
    steps = alice.client.get(f"/api/executions/{execution.id}/steps").json()["results"]
    made = {one["step_id"]: one["output"]["artifact"] for one in steps[3::2]}
    for name, has_red in (("before", True), ("after", False)):
        url = f"/api/executions/{execution.id}/artifacts/{made[name]}"
        answer = alice.client.get(url)
        with Image.open(io.BytesIO(b"".join(answer.streaming_content))) as image:
            colors = {one for _, one in image.convert("RGB").getcolors(1 << 24)}
        assert ((255, 0, 0) in colors) is has_red, name


def attempts(engine, kind):
    with engine.scope():
        rows = Artifact.objects.filter(kind=kind, path="gone")
        return sorted(rows.values_list("attempt", flat=True))


def test_always_keeps_it_of_completed_steps_and_of_tests_of_one(engine, site):
    found = tried(engine, document(site, evidence="always"), "open")
    assert found["status"] == "completed", found["error"]
    assert sorted(one.kind for one in found["evidence"]) == KINDS


def test_off_keeps_nothing(engine, site):
    execution = engine.run(document(site, GONE, evidence="off"))
    assert execution.error["code"] == "element_not_found"
    with engine.scope():
        assert not Artifact.objects.exists()


def test_a_step_that_its_time_limit_stops_leaves_it(engine, alice, site, child, on_run):
    on_run("reload", lambda ctx: (ctx.browser, time.sleep(30)))
    slow = step("slow", "reload") | {"timeout": 1}
    execution = engine.start(document(site, slow))
    child.run(execution)
    child.place.tools.close()
    ended = engine.now(execution)
    assert (ended.error["kind"], ended.error["path"]) == ("timeout", "slow")
    assert sorted(one["kind"] for one in shown(alice, execution)["slow"]) == KINDS


class Store:
    """Counts what it is given, or fails as a full disk does."""

    def __init__(self, *, is_full=False):
        self.is_full, self.kept = is_full, 0

    def keep(self, pieces, *, attempt):
        if self.is_full:
            raise OSError("disk full")
        self.kept += len(pieces)
        return {"har": {}}


def kept_in(store, times=1):
    """What a keeper gives for a browser that was never started."""
    session = BrowserSession(BrowserHost(BrowserOptions(), proxy_address=None))
    keeper = EvidenceKeeper(Masker({}, ""))
    return [
        keeper.keep(session, store, attempt=1, has_failed=True) for _ in range(times)
    ]


def test_what_goes_wrong_with_it_is_no_failure_of_the_step():
    assert kept_in(Store(is_full=True)) == [{}]


def test_there_is_an_end_to_what_one_execution_keeps(monkeypatch):
    monkeypatch.setattr(evidence, "MOST_BYTES", 1)
    store = Store()
    assert kept_in(store, times=3) == [{"har": {}}, {}, {}]
    assert store.kept == 3
