"""What a checkpoint says beside the one before, and tabs that were filled in."""

import pytest

from apps.executions.engine.whereabouts import FilledIn, change, view_of

HERE = {
    "since": 1.5,
    "url": "https://example.com/app?q=1",
    "cookies": [{"name": "a", "value": "1"}],
    "storage": {},
    "scroll": {"x": 0, "y": 0},
    "frame": [],
}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({}, "none"),
        ({"scroll": {"x": 0, "y": 9}}, "none"),
        ({"since": 2.5}, "new"),
        ({"cookies": []}, "past"),
        ({"storage": {"https://example.com": {"local": {"t": "1"}}}}, "past"),
        ({"url": "https://example.com/app?q=2"}, "same"),
        ({"url": "https://example.com/other"}, "same"),
        ({"url": "https://example.com/other", "cookies": []}, "new"),
        ({"url": "https://example.com/app?q=2", "cookies": []}, "past"),
        ({"tabs": ["https://example.com/app?q=1", "about:blank"], "tab": 0}, "same"),
        ({"dialogs": {"usual": {"action": "accept", "text": None}}}, "same"),
    ],
)
def test_what_became_of_the_page(now, expected):
    assert change(HERE, HERE | now) == expected


def test_the_first_page_is_a_new_one():
    assert change(None, HERE) == "new"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://a.example/x?page=1", "https://a.example/x?page=2", True),
        ("https://a.example/x#part", "https://a.example/x", True),
        ("https://a.example/x#/home", "https://a.example/x#/list", False),
        ("https://a.example/x#!home", "https://a.example/x", False),
        ("https://a.example/x", "https://a.example/y", False),
        ("https://a.example/x", "https://b.example/x", False),
    ],
)
def test_a_view_is_a_path_or_a_route(one, other, is_same):
    assert (view_of(one) == view_of(other)) is is_same


def test_a_tab_that_was_filled_in_is_known_until_it_has_another_page():
    filled = FilledIn()
    assert filled.arrive("a", 1.0, {"a": 0}) == []
    filled.note("a", 1.0)
    both = {"a": 0, "b": 1}
    assert filled.arrive("b", 2.0, both) == [0]
    assert filled.arrive("b", 3.0, both) == [0]
    # Back on it, as it was: what was filled in is of before the checkpoint.
    assert filled.arrive("a", 1.0, both) == [0]
    assert filled.arrive("a", 4.0, both) == []


def test_a_new_page_in_the_same_tab_has_nothing_filled_in():
    filled = FilledIn()
    filled.note("a", 1.0)
    assert filled.arrive("a", 2.0, {"a": 0}) == []
    filled.note("a", 2.0)
    # Another view of the same document.
    assert filled.arrive("a", 2.0, {"a": 0}) == []


def test_a_tab_that_is_closed_is_forgotten():
    filled = FilledIn()
    filled.note("a", 1.0)
    assert filled.arrive("b", 2.0, {"b": 0}) == []
