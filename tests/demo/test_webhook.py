import json

import pytest

from apps.demo.models import DemoHook

PATH = "/demo/webhook"
pytestmark = pytest.mark.django_db


def post(client, body, key=""):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(PATH, body, content_type="application/json", headers=headers)


def test_each_post_is_counted(client):
    answers = [post(client, {"n": number}) for number in (1, 2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json() for answer in answers] == [{"received": 1}, {"received": 2}]


def test_the_same_key_is_counted_once(client):
    counts = [post(client, {}, key).json() for key in ("a", "a", "b", "a")]
    assert [count["received"] for count in counts] == [1, 1, 2, 2]
    assert DemoHook.objects.count() == 2


def test_the_last_20_are_listed_newest_first(client):
    for number in range(22):
        post(client, {"n": number}, key=f"k{number}")
    results = client.get(PATH).json()["results"]
    assert [hook["payload"]["n"] for hook in results] == list(range(21, 1, -1))
    assert results[0]["key"] == "k21"


def test_browsers_get_a_page(client):
    post(client, {"text": "<b>Zoë</b>"})
    response = client.get(PATH, headers={"Accept": "text/html,*/*;q=0.8"})
    assert response["Content-Type"].startswith("text/html")
    assert "&lt;b&gt;Zoë&lt;/b&gt;" in response.content.decode()
    assert "Accept" in response["Vary"]


def test_an_empty_list_says_how_to_fill_it(client):
    response = client.get(PATH, headers={"Accept": "text/html"})
    assert b"Nothing received yet" in response.content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"1e999",
        b"9" * 5000,
        b'"\\u0000"',
        b'{"\\ud800": 1}',
        b"[" * 70 + b"]" * 70,
        b"[" * 100_000,
        b'"' + b"x" * (256 * 1024) + b'"',
    ],
    ids=lambda body: repr(body[:10]),
)
def test_what_cannot_be_kept_is_a_clear_error(client, body):
    response = post(client, body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]
    assert not DemoHook.objects.exists()


@pytest.mark.parametrize("body", [None, 0, "text", [1.5, True], {"a": {"b": ["é"]}}])
def test_every_json_value_is_kept_as_it_is(client, body):
    post(client, json.dumps(body))
    assert client.get(PATH).json()["results"][0]["payload"] == body


def test_a_key_that_is_too_long_is_refused(client):
    assert post(client, {}, key="k" * 256).status_code == 400


def test_other_methods_are_refused(client):
    assert client.delete(PATH).status_code == 405
