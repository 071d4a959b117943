from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client
from lxml import html

from apps.demo.models import DemoAttempt, DemoRound
from apps.demo.people import COLUMNS
from tests.demo.conftest import Visitor

SCORE = "/demo/challenge/score"


def texts(response, *ids):
    page = html.fromstring(response.content)
    return [page.get_element_by_id(name).text_content() for name in ids]


def play(visitor, **changes):
    for number in range(1, 11):
        response = visitor.submit(number, **(changes if number == 4 else {}))
    return response


def test_ten_forms_filled_by_label_give_70_of_70(visitor):
    assert play(visitor).url == SCORE
    response = visitor.client.get(SCORE)
    assert texts(response, "score", "right", "total") == [
        "70 of 70 fields right",
        "70",
        "70",
    ]
    assert float(texts(response, "seconds")[0]) >= 0


def test_wrong_fields_are_counted_and_named(visitor):
    play(visitor, phone="0", last_name="nunez de la pena")
    response = visitor.client.get(SCORE)
    assert texts(response, "score") == ["68 of 70 fields right"]
    row = html.fromstring(response.content).cssselect("#rounds tbody tr")[3]
    assert [cell.text_content() for cell in row][:3] == [
        "4",
        "5 of 7",
        "Last name, Phone",
    ]


def test_an_empty_form_counts_as_seven_wrong(visitor):
    form = visitor.form(1)
    response = visitor.client.post(form.path, form.hidden)
    assert response.url == "/demo/challenge/rounds/2"
    assert DemoRound.objects.get().right == 0


def test_a_reload_shows_the_same_form(visitor):
    assert visitor.form(1).names == visitor.form(1).names


def test_the_form_changes_on_every_submit(visitor):
    before = visitor.form(1).names
    visitor.submit(1)
    now = visitor.form(2).names
    assert list(before) != list(now)
    assert not set(before.values()) & set(now.values())


def test_two_attempts_have_different_forms(visitors):
    one, other = (visitor.form(1).names for visitor in visitors)
    assert not set(one.values()) & set(other.values())


def test_every_field_has_a_label_and_ids_are_unique(visitor):
    form = visitor.form(1)
    ids = form.form.xpath("//@id")
    assert sorted(form.names) == sorted(COLUMNS)
    assert set(form.names.values()) <= set(ids)
    assert len(set(ids)) == len(ids)


def test_a_form_posted_twice_counts_once(visitor):
    form = visitor.form(1)
    data = form.filled({"First name": "x"})
    first = visitor.client.post(form.path, data)
    again = visitor.client.post(form.path, data | {"First name": "y"})
    assert first.url == again.url == "/demo/challenge/rounds/2"
    assert DemoRound.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_form_posted_by_many_at_once_counts_once():
    visitor = Visitor().start()
    form = visitor.form(1)
    data = form.filled({"First name": "x"})

    def post(_):
        successor = Client()
        successor.cookies = visitor.client.cookies
        try:
            return successor.post(form.path, data).url
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, range(4))) == {"/demo/challenge/rounds/2"}
    assert DemoRound.objects.count() == 1


def test_a_done_round_filled_again_leads_to_the_open_one(visitor):
    visitor.submit(1)
    visitor.submit(2)
    assert visitor.submit(1, phone="0").url == "/demo/challenge/rounds/3"
    assert [done.right for done in DemoRound.objects.all()] == [7, 7]


def test_the_last_form_posted_again_leads_to_the_score(visitor):
    play(visitor)
    assert visitor.submit(10).url == SCORE
    assert DemoRound.objects.count() == 10


def test_a_robot_with_the_same_cookie_goes_on_where_it_was(visitor):
    visitor.submit(1)
    successor = Visitor()
    successor.client.cookies = visitor.client.cookies
    assert successor.client.get(SCORE).url == "/demo/challenge/rounds/2"
    assert b"Go on with round 2" in successor.client.get("/demo/challenge").content


def test_a_later_round_leads_back_to_the_open_one(visitor):
    response = visitor.client.get("/demo/challenge/rounds/7")
    assert response.url == "/demo/challenge/rounds/1"


def test_the_form_of_another_attempt_is_refused(visitors):
    one, other = visitors
    form = other.form(1)
    response = one.client.post(form.path, form.filled({"Phone": "1"}))
    assert response.status_code == 409
    assert texts(response, "message") == ["This form belongs to another attempt."]
    assert not DemoRound.objects.exists()


@pytest.mark.django_db
def test_a_form_without_an_attempt_is_refused(client):
    response = client.post("/demo/challenge/rounds/1", {"token": "x"})
    assert response.status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["rounds/1", "score"])
def test_without_an_attempt_pages_lead_to_the_start(client, path):
    assert client.get(f"/demo/challenge/{path}").url == "/demo/challenge"


def test_a_forged_cookie_is_no_attempt(visitor):
    key = DemoAttempt.objects.get().seed
    visitor.client.cookies["demo_attempt"] = f"{key}:1abcde:forged"
    assert visitor.client.get(SCORE).url == "/demo/challenge"


def test_odd_characters_are_wrong_answers_and_no_errors(visitor):
    response = visitor.submit(1, phone="\0", role="x" * 10_000)
    assert response.url == "/demo/challenge/rounds/2"
    assert DemoRound.objects.get().right == 5


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["start", "rounds/1"])
def test_posts_need_the_csrf_token(path):
    client = Client(enforce_csrf_checks=True)
    assert client.post(f"/demo/challenge/{path}").status_code == 403


def test_start_begins_a_new_attempt(visitor):
    visitor.submit(1)
    visitor.start()
    assert visitor.client.get(SCORE).url == "/demo/challenge/rounds/1"
    assert DemoAttempt.objects.count() == 2
