"""The parts of evidence that need no browser."""

import pytest

from apps.executions.engine.masking import Masker
from apps.steps.browser.evidence.copies import Copy, hide
from apps.steps.browser.evidence.har import har
from apps.steps.browser.evidence.recording import Recorder
from apps.steps.browser.evidence.redaction import LONGEST, Redactor, blanked

VALUE = "correct horse"
NOBODY = Masker({}, "")
SECRETS = Masker({"key": VALUE, "pin": "4711"}, "")


def header(name, value):
    return {"name": name, "value": {"type": "string", "value": value}}


def sent(number=1, **more):
    request = {
        "request": str(number),
        "method": "GET",
        "url": f"http://shop.test/{number}",
        "headers": [],
        "destination": "image",
        **more,
    }
    return {"request": request, "context": "tab", "timestamp": 1_000.0 * number}


def answer(number=1, headers=(), **more):
    facts = sent(number, **more)
    facts["request"]["timings"] = {
        "fetchStart": 0,
        "dnsStart": 1,
        "dnsEnd": 3,
        "connectStart": 3,
        "tlsStart": 4,
        "connectEnd": 8,
        "requestStart": 9,
        "responseStart": 29,
        "responseEnd": 30,
    }
    response = {"status": 200, "headers": list(headers), "bytesReceived": 7}
    return facts | {"response": response}


def entries(recorder, secrets=NOBODY):
    made = har(recorder.everything(), Redactor(secrets), browser_version="1")
    return made["log"]["entries"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("http://x/?a=1&token=abc#access_token=def", "?a=1&token=***#access_token=***"),
        ("http://ann:pw@x/", "http://***@x/"),
        ("GET http://x/?X-Amz-Signature=12 failed", "?X-Amz-Signature=*** failed"),
        ("http://x/?zipcode=80331&keyword=shoe", "?zipcode=80331&keyword=shoe"),
        ("/?q=correct%20horse&r=correct+horse", "/?q=***&r=***"),
        ("the PIN is 4711, not 14711", "the PIN is ***, not 14711"),
        ("Y29ycmVjdCBob3JzZQ==", "***ZQ=="),
    ],
)
def test_texts_are_shown_without_what_is_secret_in_them(raw, shown):
    assert Redactor(SECRETS).text(raw).endswith(shown)
    assert "correct" not in Redactor(SECRETS).text(raw)


def test_a_secret_at_the_cut_is_hidden_whole():
    for before in range(LONGEST - len(VALUE) - 1, LONGEST + 1):
        text = Redactor(SECRETS).text("x" * before + VALUE + "y" * 9_000)
        assert text.strip("x*…y") == ""
        assert len(text) <= LONGEST + 4


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Authorization", "***"),
        ("set-cookie", "***"),
        ("X-API-Key", "***"),
        ("X-CSRF-Token", "***"),
        ("Accept", "text/html"),
        ("X-Keyboard", "text/html"),
    ],
)
def test_headers_that_prove_who_somebody_is_are_hidden(name, shown):
    assert Redactor(NOBODY).value(name, "text/html") == shown


def test_spans_that_overlap_hide_all_of_both():
    masker = Masker({"a": "abcdefgh", "b": "efghijkl"}, "")
    assert masker.find("- abcdefghijkl -") == [(2, 14)]
    assert blanked("- abcdefghijkl -", masker.find("- abcdefghijkl -")) == "- *** -"
    assert NOBODY.find("anything") == []


def test_an_entry_has_its_phases_and_no_body():
    recorder = Recorder()
    facts = sent(bodySize=12)
    recorder.take("network.beforeRequestSent", facts)
    recorder.take("network.responseCompleted", answer(bodySize=12))
    (entry,) = entries(recorder)
    assert entry["timings"] == {
        "blocked": 1,
        "dns": 2,
        "connect": 5,
        "ssl": 4,
        "send": 0,
        "wait": 20,
        "receive": 1,
    }
    assert entry["time"] == 29
    assert entry["startedDateTime"] == "1970-01-01T00:00:01.000+00:00"
    assert "postData" not in entry["request"]
    assert "text" not in entry["response"]["content"]


def test_cookies_are_named_and_their_values_hidden():
    recorder = Recorder()
    mine = [header("Cookie", "sid=abc; theme=dark")]
    set_ = [header("Set-Cookie", "sid=def; Path=/; HttpOnly\nnew=ghi")]
    recorder.take("network.responseCompleted", answer(headers=set_) | {})
    facts = answer(2, headers=set_)
    facts["request"]["headers"] = mine
    recorder.take("network.responseCompleted", facts)
    entry = entries(recorder)[1]
    names = [[one["name"] for one in entry[at]["cookies"]] for at in SIDES]
    assert names == [["sid", "theme"], ["sid", "new"]]
    for value in ("abc", "dark", "def", "ghi"):
        assert value not in str(entry)


SIDES = ("request", "response")


def test_redirects_are_entries_of_their_own():
    recorder = Recorder()
    recorder.take("network.responseCompleted", answer() | {"redirectCount": 0})
    recorder.take("network.responseCompleted", answer() | {"redirectCount": 1})
    assert len(entries(recorder)) == 2


def test_parts_belong_to_the_page_of_their_tab():
    recorder = Recorder()
    for number, tab in ((1, "a"), (2, "b")):
        page = sent(number, destination="document") | {"context": tab}
        recorder.take("network.beforeRequestSent", page)
    recorder.take("network.beforeRequestSent", sent(3) | {"context": "a"})
    recorder.take("network.beforeRequestSent", sent(4) | {"context": "frame"})
    shown_in = [entry["pageref"] for entry in entries(recorder)]
    assert shown_in == ["page_1", "page_2", "page_1", "page_2"]


def test_what_failed_and_what_never_came_say_so():
    recorder = Recorder()
    recorder.take("network.beforeRequestSent", sent(1))
    recorder.take("network.fetchError", sent(2) | {"errorText": "net::ERR_FAILED"})
    pending, failed = entries(recorder)
    assert pending["comment"] == "No answer had come yet."
    assert (failed["_error"], failed["response"]["status"]) == ("net::ERR_FAILED", 0)


def test_a_request_that_ends_later_is_news_again():
    recorder = Recorder()
    recorder.take("network.beforeRequestSent", sent(1))
    assert [one.status for one in recorder.news().requests] == [None]
    assert recorder.news().requests == []
    recorder.take("network.responseCompleted", answer(1))
    assert [one.status for one in recorder.news().requests] == [200]


def test_places_are_counted_as_javascript_counts():
    copy = Copy("tab", [f"\N{KEY}\N{KEY} {VALUE} ", f"{VALUE}"], is_cut=False)
    hide(copy, SECRETS)
    assert copy.parts == ["\N{KEY}\N{KEY} *** ", "***"]
    assert copy.spans == [[5, 18], [19, 32]]
