"""A whole workflow, from YAML over REST to its records, with browser and mail."""

import textwrap

import pytest
from rest_framework.test import APIClient

from tests.mail_server import running as mail_running

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OVERDUE = b"""<!doctype html><title>Invoices</title><table>
<tr class=overdue><td class=no>A-1</td><td class=sum>250.00</td></tr>
<tr class=overdue><td class=no>A-2</td><td class=sum>40.00</td></tr>
<tr><td class=no>A-3</td><td class=sum>900.00</td></tr>
<tr class=overdue><td class=no>A-4</td><td class=sum>100.50</td></tr></table>"""

YAML = """
    schema: 1
    name: Overdue invoices
    inputs:   {customer: {type: string, required: true}}
    variables: {base_url: "%(site)s"}
    settings: {timeout: 5m, concurrency: {limit: 1, key: "{{ inputs.customer }}"}}
    steps:
      - id: page
        type: navigate
        params: {url: "{{ variables.base_url }}/invoices?c={{ inputs.customer }}"}
        retry: {max_attempts: 3, delay: 2s, backoff: 2}
        timeout: 30s
      - id: rows
        type: extract_data
        params:
          target: "table tr.overdue"
          fields: {number: "td.no", total: "td.sum"}
          many: true
      - type: loop
        id: each
        over: "{{ steps.rows.output }}"
        as: row
        steps:
          - type: condition
            id: is_large
            if: "{{ row.total | float > 100 }}"
            then:
              - type: send_email
                id: mail
                params:
                  to: "{{ inputs.customer }}@example.com"
                  subject: "Invoice {{ row.number }}"
                  text: "{{ row.total }} is overdue."
            else: [{type: continue, id: next}]
    on_failure: []
    finally: []
"""


@pytest.fixture
def mail_server(settings):
    with mail_running() as server:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", server.port
        settings.SMTP_TLS, settings.SMTP_FROM = "none", "robot@example.com"
        yield server


@pytest.fixture
def site(http_server, settings):
    http_server.answers(
        "/invoices", body=OVERDUE, headers={"Content-Type": "text/html"}
    )
    settings.EGRESS_ALLOW = f"127.0.0.1:{http_server.port}"
    return http_server


def post_yaml(client: APIClient, text: str):
    return client.post(
        "/api/workflows", textwrap.dedent(text), content_type="application/yaml"
    )


def test_a_workflow_of_the_documented_shape_runs_to_its_end(
    engine, alice, site, mail_server
):
    made = post_yaml(alice.client, YAML % {"site": site.url("").rstrip("/")})
    assert made.status_code == 201, made.content
    accepted = alice.client.post(
        f"/api/workflows/{made.json()['id']}/execute", {"inputs": {"customer": "dana"}}
    )
    assert (accepted.status_code, accepted.json()["status"]) == (202, "queued")
    address = f"/api/executions/{accepted.json()['id']}"

    engine.run_started(accepted.json()["id"])

    ended = alice.client.get(address).json()
    assert (ended["status"], ended["error"]) == ("completed", None)
    steps = alice.client.get(f"{address}/steps").json()["results"]
    assert [(step["path"], step["status"]) for step in steps] == [
        ("page", "completed"),
        ("rows", "completed"),
        ("each", "completed"),
        ("each[0].is_large", "completed"),
        ("each[0].mail", "completed"),
        ("each[1].is_large", "completed"),
        ("each[1].next", "completed"),
        ("each[2].is_large", "completed"),
        ("each[2].mail", "completed"),
    ]
    subjects = [str(mail.message["subject"]) for mail in mail_server.mails]
    assert subjects == ["Invoice A-1", "Invoice A-4"]
    assert mail_server.mails[0].recipients == ["dana@example.com"]


FIVE_MISTAKES = """
    schema: 1
    name: Wrong
    steps:
      - {id: a, type: navigte, params: {url: "https://example.com"}}
      - {id: b, type: http_request, params: {methd: GET, url: "https://example.com"}}
      - {id: b, type: stop, params: {}}
      - {id: d, type: delay, params: {seconds: "{{ variables.nothing }}"}}
      - {id: e, type: delay, params: {seconds: -1}, retry: {max_attempts: 0}}
"""


def test_a_definition_with_five_mistakes_is_refused_with_five_paths(alice):
    answer = post_yaml(alice.client, FIVE_MISTAKES)
    assert answer.status_code == 400
    problems = {one["path"]: one for one in answer.json()["errors"]}
    assert set(problems) >= {
        "steps[0].type",
        "steps[1].params.methd",
        "steps[2].id",
        "steps[3].params.seconds",
        "steps[4].retry.max_attempts",
    }
    assert "navigate" in problems["steps[0].type"]["message"]
    assert "method" in problems["steps[1].params.methd"]["message"]
    assert all("line" in one for one in problems.values())


def test_a_missing_selector_is_named_and_leaves_a_screenshot(engine, alice, site):
    document = {
        "steps": [
            {
                "id": "page",
                "type": "navigate",
                "params": {"url": site.url("/invoices")},
            },
            {
                "id": "press",
                "type": "click",
                "params": {"target": "#pay-all", "timeout": "1s"},
            },
        ]
    }
    ended = engine.run(document)
    assert (ended.status, ended.error["code"]) == ("failed", "element_not_found")
    assert "#pay-all" in ended.error["message"]
    listed = alice.client.get(f"/api/executions/{ended.id}/artifacts").json()
    (picture,) = [one for one in listed["results"] if one["kind"] == "screenshot"]
    content = alice.client.get(picture["url"])
    assert b"".join(content.streaming_content).startswith(b"\x89PNG")
