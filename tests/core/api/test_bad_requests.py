"""What any endpoint may be sent: always a clear 4xx, never a half-written row."""

import gzip
import json
import uuid

import pytest
from django.db import connection

from apps.accounts.models import ApiKey
from apps.core import tenancy

pytestmark = pytest.mark.django_db
PATH = "/api/api-keys"

NOBODY = "0190a000-0000-7000-8000-000000000000"


def post(client, body, content_type="application/json", **headers):
    return client.generic("POST", PATH, body, content_type, **headers)


def problem(answer, *statuses):
    """The answer's body, checked to be a problem document."""
    assert answer.status_code in (statuses or (400,)), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors"} <= set(body)
    assert body["status"] == answer.status_code
    return body


BODIES = {
    "NUL": b'{"name":"a\\u0000b"}',
    "raw NUL": b'{"name":"a\x00b"}',
    "half a pair": b'{"name":"\\ud800"}',
    "half a pair as a name": b'{"name":"a","\\udfff":1}',
    "100,000 lists": b"[" * 100_000,
    "100,000 closed lists": b"[" * 100_000 + b"]" * 100_000,
    "900 objects": b'{"name":' * 900 + b"1" + b"}" * 900,
    "5,000 digits": b'{"name":' + b"5" * 5_000 + b"}",
    "1e400": b'{"name":1e400}',
    "1e200000": b'{"name":1e200000}',
    "NaN": b'{"name":NaN}',
    "Infinity": b'{"name":-Infinity}',
    "twice the same name": b'{"name":"a","name":"b"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "UTF-16 without mark": '{"name":"a"}'.encode("utf-16-le"),
    "byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "not JSON": b"name=a",
    "half": b'{"name":"a"',
    "trailing": b'{"name":"a"} x',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_held_is_refused(alice, body):
    assert problem(post(alice.client, body))["errors"]
    with tenancy.tenant(alice.organization_id):
        assert not ApiKey.objects.exists()


@pytest.mark.parametrize("kind", ["text/plain", "", "application/xml", "x", "a/b;c=d"])
def test_other_kinds_of_content_are_refused(alice, kind):
    problem(post(alice.client, b'{"name":"a"}', kind), 415)


def test_compressed_bodies_are_refused(alice):
    bomb = gzip.compress(b" " * 10_000_000, mtime=0)
    problem(post(alice.client, bomb, HTTP_CONTENT_ENCODING="gzip"), 415)


def test_one_byte_too_many_is_refused(alice, settings):
    start = b'{"name":"a"'
    body = start + b" " * (settings.API_BODY_MAX_BYTES - len(start)) + b"}"
    assert problem(post(alice.client, body), 413)["code"] == "too_large"


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30])
def test_odd_lengths_are_refused(alice, length):
    answer = post(alice.client, b'{"name":"a"}', CONTENT_LENGTH=length)
    problem(answer, 400, 413)


def test_a_body_without_a_length_is_read(alice):
    headers = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = post(alice.client, b'{"nmae":"a"}', **headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "name", ["is_staff", "org_id", "organization_id", "lease_token", "__class__", ""]
)
def test_unknown_fields_are_refused(alice, name):
    errors = problem(post(alice.client, json.dumps({"name": "a", name: 1})))["errors"]
    assert "not known" in errors[0]["message"]


def test_a_misspelled_field_names_the_near_one(alice):
    errors = problem(post(alice.client, b'{"nmae":"a","scops":["read"]}'))["errors"]
    assert {e["path"] for e in errors} == {"nmae", "scops", "name"}
    assert "Did you mean 'scopes'?" in str(errors)


@pytest.mark.parametrize(
    "key",
    [
        *("0", "-1", str(2**63), "1e3", "1.0", "true", "null", "%00", "..", "%2e%2e"),
        *(f"{{{NOBODY}}}", NOBODY.replace("-", ""), "x" * 5_000, "é", "*"),
        *("health", "configs", ";.css", "a%0d%0ab"),
    ],
)
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_is_no_identifier_is_not_found(alice, key, method):
    answer = getattr(alice.client, method)(f"{PATH}/{key}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        *("ordering=password", "ordering=key_hash", "ordering=-", "ordering=name,id"),
        *("ordering=created_by__password", "org__id=1", "fields=__all__", "limit=0"),
        *("limit=1000000000&offset=-1", "limit=-1", "limit=x", "limit=1e1", "limit="),
        *("limit=%D9%A1", "cursor=", "cursor=x", "cursor=%00", "cursor=" + "A" * 2_000),
        *("cursor=W10", "cursor=WyItaWQiLG51bGwsIngiXQ", "limit=201", "name=%00"),
        "cursor=WyJuYW1lIiwieCIsMV0",
    ],
)
def test_odd_queries_are_refused(alice, query):
    assert problem(alice.client.get(f"{PATH}?{query}"))["errors"]


def test_ten_thousand_query_keys_are_refused(alice):
    query = "&".join(f"k{number}=1" for number in range(10_000))
    problem(alice.client.get(f"{PATH}?{query}"), 400, 413)


def test_ten_thousand_headers_do_no_harm(alice):
    headers = {f"HTTP_X_{number}": "1" for number in range(10_000)}
    assert alice.client.get(PATH, **headers).status_code == 200


def test_the_method_cannot_be_overridden(alice, objects_path):
    headers = {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}
    problem(alice.client.post(objects_path, {}, **headers), 405)
    assert alice.client.get(objects_path).status_code == 200


@pytest.fixture
def objects_path(alice):
    made = alice.client.post(PATH, {"name": "robot"}).json()
    return f"{PATH}/{made['id']}"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *(("\u202ekcaB", 400), ("a\u2066b", 400), ("a\u200bb", 400), ("a\tb", 400)),
        *(("a" + "\u0301" * 4_000, 400), ("x" * 201, 400), ("   ", 400), ("", 400)),
        *(("\u0410cme", 201), ("👩\u200d💻 robot", 201), ("e\u0301", 201)),
    ],
    ids=lambda value: str(value)[:8].encode("unicode_escape").decode(),
)
def test_names_are_readable_lines(alice, name, status):
    answer = alice.client.post(PATH, {"name": name})
    assert answer.status_code == status
    if name == "e\u0301":
        assert answer.json()["name"] == "\u00e9"


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "testserver:evil"},
        {"HTTP_HOST": "a b"},
    ],
    ids=str,
)
def test_foreign_hosts_are_refused(alice, headers):
    problem(alice.client.get(f"{PATH}?limit=1", **headers))


def test_forwarded_headers_change_nothing(alice):
    for name in ("b", "a"):
        alice.client.post(PATH, {"name": name})
    headers = {
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
        "HTTP_X_ORG_ID": str(uuid.uuid4()),
    }
    page = alice.client.get(f"{PATH}?limit=1", **headers).json()
    assert page["next"].startswith("http://testserver/")


@pytest.mark.parametrize("path", ["/api/none", "/api/", "/api/health/..", "/api/auth"])
def test_unknown_paths_are_problems_too(anonymous, path):
    problem(anonymous.get(path), 404)


def test_other_methods_are_refused(alice):
    assert problem(alice.client.put(PATH, {}), 405)["code"] == "method_not_allowed"


def test_an_unacceptable_answer_is_refused(alice):
    problem(alice.client.get(PATH, HTTP_ACCEPT="text/html"), 406)


def test_a_dead_database_is_503(alice):
    connection.ensure_connection()

    def dead(*_args):
        from django.db import OperationalError

        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(dead):
        answer = alice.client.get(PATH)
    assert problem(answer, 503)["code"] == "unavailable"
    assert int(answer["Retry-After"]) > 0
