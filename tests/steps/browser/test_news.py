"""When a browser has to be looked at again."""

import time
from types import SimpleNamespace

import pytest

from apps.steps.browser import news
from apps.steps.browser.news import News

ANSWER = "network.responseCompleted"


@pytest.fixture
def told(monkeypatch):
    """News of a page that was looked at, on a clock that stands still."""
    clock = {"now": 100.0}
    still = SimpleNamespace(monotonic=lambda: clock["now"], time=time.time)
    monkeypatch.setattr(news, "time", still)
    made = News()
    made.clock = clock
    return made


def later(told, seconds):
    told.clock["now"] += seconds


def test_nothing_is_new_before_something_happens(told):
    told.take("log.entryAdded", {})
    assert not told.is_there
    assert not told.is_urgent


def test_what_a_page_makes_of_an_answer_is_waited_for(told):
    told.take(ANSWER, {"navigation": None})
    assert told.is_there
    assert not told.is_urgent
    later(told, 0.11)
    assert told.is_urgent


def test_another_page_is_looked_at_at_once(told):
    told.take(ANSWER, {"navigation": "n-1"})
    assert told.is_urgent


def test_a_look_too_soon_after_an_answer_is_not_the_last(told):
    told.take(ANSWER, {"navigation": "n-1"})
    later(told, 0.01)
    told.looked(told.clock["now"])
    assert told.is_there
    assert not told.is_urgent
    later(told, 0.11)
    assert told.is_urgent
    told.looked(told.clock["now"])
    assert not told.is_there
    assert not told.is_urgent


def test_what_comes_during_a_look_is_news_again(told):
    began = told.clock["now"]
    later(told, 0.2)
    told.take(ANSWER, {"navigation": "n-2"})
    told.looked(began)
    assert told.is_urgent


def test_a_page_that_goes_to_another_view_says_when(told):
    told.take("browsingContext.historyUpdated", {"timestamp": 1_700_000_000_000})
    assert told.moved_at == 1_700_000_000_000
    assert told.is_urgent
    told.take("browsingContext.fragmentNavigated", {})
    assert told.moved_at == pytest.approx(time.time() * 1000, abs=60_000)
