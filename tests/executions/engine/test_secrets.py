"""Secrets are resolved at the moment of use and stored nowhere."""

import base64
import json
import logging
from urllib.parse import quote

import pytest
from django.conf import settings

from apps.core import tenancy
from apps.core.errors import PermanentFailure
from apps.executions import retries
from apps.executions.engine import masking
from apps.executions.models import Execution, StepRecord
from apps.steps import registry
from apps.workflows.services.secrets import secret_create
from tests.executions.engine.conftest import bad, owner_connection, put
from tests.executions.engine.test_children import call, children

pytestmark = pytest.mark.django_db(transaction=True)

VALUE = 'p4ss/wörd "äöü+1'
TOKEN = "{{ secrets.token }}"


@pytest.fixture
def token(engine):
    with engine.scope():
        secret_create(by=engine.viewer, name="token", value=VALUE)


def leaks(text):
    """The forms of the secret that stand in a text."""
    forms = {
        "raw": VALUE,
        "json": json.dumps(VALUE)[1:-1],
        "utf-8 json": json.dumps(VALUE, ensure_ascii=False)[1:-1],
        "url": quote(VALUE, safe=""),
        "base64": base64.b64encode(VALUE.encode()).decode()[:16],
        "part": "p4ss/w",
    }
    return {name for name, form in forms.items() if form in text}


def dump():
    """Every row of every table, as text."""
    parts = []
    with owner_connection() as connection:
        tables = connection.execute(
            "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t")
            parts += [row[0] for row in rows]
    return "\n".join(parts)


def ways(engine):
    inner = engine.workflow(
        {
            "inputs": {"key": {"type": "string"}},
            "steps": [
                put("same", "{{ inputs.key == secrets.token }}"),
                put("k", TOKEN),
            ],
        }
    )
    return {
        "a variable": [put("a", TOKEN), put("b", f"Bearer {TOKEN}")],
        "a structure": [put("a", {"deep": [TOKEN, {"x": f"y{TOKEN}"}]})],
        "a filter": [put("a", "{{ secrets.token | upper | lower }}")],
        "a message": [
            {"type": "stop", "params": {"status": "failed", "message": f"x {TOKEN}"}}
        ],
        "an error": [{"type": "parse_json", "params": {"text": TOKEN}}],
        "bad params": [{"type": "delay", "params": {"seconds": TOKEN}}],
        "a child": [call(inner, inputs={"key": TOKEN})],
        "an unknown child": [
            {"type": "call_workflow", "params": {"workflow": f"no {TOKEN}"}}
        ],
        "a mapping's key": [put("a", {"k": TOKEN}), put("c", "{{ steps.a.output }}")],
        "a file's name": [
            {"type": "read_file", "params": {"path": "no/{{ secrets.token }}"}}
        ],
    }


@pytest.mark.parametrize("way", range(10))
def test_no_row_and_no_log_line_holds_a_secret(engine, token, way, caplog):
    steps = list(ways(engine).values())[way]
    caplog.set_level(logging.DEBUG)
    done = engine.run({"steps": steps})
    assert done.is_final
    assert leaks(dump()) == set()
    assert leaks(caplog.text) == set()
    assert leaks("".join(str(vars(record)) for record in caplog.records)) == set()


def test_a_step_that_crashes_with_a_secret_in_its_text_leaks_nothing(
    engine, token, on_run, caplog
):
    def fail(ctx):
        raise KeyError(VALUE)

    on_run("parse_json", fail)
    done = engine.run({"steps": [put("a", TOKEN), bad("no")]})
    assert done.error["code"] == "internal_error"
    assert leaks(dump()) == set()
    assert leaks("".join(str(vars(record)) for record in caplog.records)) == set()


def test_a_reason_to_wait_holds_no_secret(engine, token, child):
    inner = engine.workflow({"name": VALUE, "steps": [put("m", 1)]})
    step = {"id": "c", "type": "call_workflow", "params": {"workflow": TOKEN}}
    parent = engine.start({"steps": [step]})
    child.run(parent)
    assert engine.now(parent).status == "waiting"
    with tenancy.tenant(inner.organization_id):
        inner.name = "renamed"
        inner.save()
    with owner_connection() as connection:
        for table in ("executions_execution", "executions_steprecord", "events_event"):
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert leaks(str(rows)) == set(), table


def test_a_replay_has_the_secret_again(engine, token, child):
    wait = {"id": "wait", "type": "delay", "params": {"seconds": 3600}}
    late = put("late", "{{ steps.a.output == 'Bearer ' ~ secrets.token }}")
    steps = [
        put("a", f"Bearer {TOKEN}"),
        wait,
        late,
        put("n", "{{ variables.a | length }}"),
    ]
    execution = engine.start({"steps": steps})
    child.run(execution)
    due_now(engine, execution)
    child.run(execution)
    assert engine.output(execution, "late") is True
    assert engine.output(execution, "n") == len(f"Bearer {VALUE}")
    assert leaks(dump()) == set()


def test_a_child_gets_the_secret_that_it_was_handed(engine, token):
    inner = engine.workflow(
        {
            "inputs": {"key": {"type": "string"}},
            "steps": [
                put("size", "{{ inputs.key | length }}"),
                put("k", "{{ inputs.key }}"),
            ],
        }
    )
    steps = [
        call(inner, inputs={"key": TOKEN}),
        put("same", "{{ steps.call.output.outputs.k == secrets.token }}"),
    ]
    done = engine.run({"steps": steps})
    (one,) = children(engine, done)
    assert one.outputs["size"] == len(VALUE)
    assert done.outputs["same"] is True
    assert leaks(dump()) == set()


def placeholder(engine):
    """As somebody may write it who has come to know the organization's mark."""
    mark = masking.mark_of(str(engine.viewer.organization_id), settings.SECRET_KEY)
    return f"⟦secret:token:{mark}⟧"


def test_a_placeholder_in_the_inputs_is_never_filled(engine, token):
    inner = engine.workflow(
        {
            "inputs": {"key": {"type": "string"}},
            "steps": [put("n", "{{ inputs.key | length }}")],
        }
    )
    steps = [
        put("a", TOKEN),
        put("b", "{{ inputs.text }}"),
        call(inner, inputs={"key": "{{ inputs.text }}"}),
        put("n", "{{ steps.call.output.outputs.n }}"),
    ]
    document = {"inputs": {"text": {"type": "string"}}, "steps": steps}
    done = engine.run(document, inputs={"text": placeholder(engine)})
    assert engine.output(done, "b") == "***"
    assert engine.output(done, "n") == len("***")


@pytest.mark.parametrize("knows_secret", [True, False])
def test_a_placeholder_in_what_a_step_found_is_not_filled_by_a_replay(
    engine, token, child, knows_secret
):
    text = json.dumps({"page": placeholder(engine)})
    read = {"id": "read", "type": "parse_json", "params": {"text": "{}"}}
    steps = [
        *([put("known", TOKEN)] if knows_secret else []),
        read,
        {"id": "wait", "type": "delay", "params": {"seconds": 3600}},
        put("got", "{{ steps.read.output.page }}"),
    ]
    execution = engine.start({"steps": steps})
    # What the page held, as if the step had found it there.
    with pytest.MonkeyPatch.context() as patched:
        kind = type(registry.find("parse_json"))
        patched.setattr(kind, "run", lambda self, params, ctx: json.loads(text))
        child.run(execution)
    due_now(engine, execution)
    child.run(execution)
    assert engine.output(execution, "got") == "***"


def due_now(engine, execution):
    """Let a parked execution go on."""
    with engine.scope():
        rows = StepRecord.objects.filter(execution_id=execution.id, path="wait")
        state = rows.get().state
        rows.update(state={**state, "due_at": state["parked_at"]})
        Execution.objects.filter(id=execution.id).update(status="queued", due_at=None)


def test_a_retry_of_a_child_has_the_secrets_that_its_parent_handed_on(engine, token):
    steps = [put("size", "{{ inputs.key | length }}"), bad("no")]
    inner = engine.workflow({"inputs": {"key": {"type": "string"}}, "steps": steps})
    done = engine.run({"steps": [call(inner, inputs={"key": TOKEN})]})
    (one,) = children(engine, done)
    for inputs, size in ((None, len(VALUE)), ({"key": placeholder(engine)}, 3)):
        with engine.scope():
            again = retries.execution_retry(
                execution=one, by=engine.viewer, from_="start", inputs=inputs
            )
        engine.run_started(str(again.id))
        assert engine.output(again, "size") == size


def test_nobody_is_shown_the_mark_of_placeholders(engine, token, alice):
    steps = [put("size", "{{ inputs.key | length }}"), bad("no")]
    inner = engine.workflow({"inputs": {"key": {"type": "string"}}, "steps": steps})
    done = engine.run({"steps": [call(inner, inputs={"key": TOKEN})]})
    (one,) = children(engine, done)
    for execution in (done, one):
        for path in ("", "/steps"):
            answer = alice.client.get(f"/api/executions/{execution.id}{path}")
            assert "⟦" not in json.dumps(answer.json(), ensure_ascii=False)


def test_details_of_an_error_hold_neither_secret_nor_placeholder(engine, token, on_run):
    def fail(ctx):
        raise PermanentFailure("no", code="no", body=f"you sent {VALUE}")

    on_run("parse_json", fail)
    handler = [put("told", "{{ error.details.body }}")]
    steps = [put("a", TOKEN), bad("no")]
    done = engine.run({"steps": steps, "on_failure": handler})
    assert engine.output(done, "told") == "you sent ***"
