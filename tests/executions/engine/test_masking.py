"""Secrets are kept out of what is stored, and come back only for a replay."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from apps.executions.engine.masking import HIDDEN, Masker, conceal, mark_of

SECRET = 'p4ss/wörd "äöü+1'
MARK = mark_of("organization-1", "key")


def masker(**secrets):
    return Masker(secrets, MARK)


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"before {SECRET} after {SECRET}",
        {"deep": [{"list": [SECRET]}], SECRET: 1},
        ["x", None, True, 1.5, SECRET],
    ],
)
def test_a_masked_value_holds_no_secret_and_comes_back_whole(value):
    secrets = {"login": SECRET}
    masked = masker(**secrets).mask(value)
    assert SECRET not in json.dumps(masked, ensure_ascii=False)
    assert masker(**secrets).unmask(masked, secrets) == value


FORMS = {
    "json": json.dumps(SECRET),
    "json in utf-8": json.dumps(SECRET, ensure_ascii=False),
    "url": quote(SECRET, safe=""),
    "url path": quote(SECRET),
    "form": quote_plus(SECRET),
    "lower-case url": re.sub("%..", lambda found: found[0].lower(), quote(SECRET)),
    "html": html.escape(SECRET),
    "hex": SECRET.encode().hex(),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "url base64": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "basic auth": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "basic auth, shifted": base64.b64encode(f"a-user:{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_hides_the_forms_in_which_programs_pass_a_secret_on(form):
    hidden = masker(login=SECRET).hide(f"it was {FORMS[form]}, they say")
    assert HIDDEN in hidden
    leaked = FORMS[form].strip('"')
    middle = leaked[len(leaked) // 2 - 5 : len(leaked) // 2 + 5]
    assert middle not in hidden


def test_a_line_of_a_secret_with_many_lines_is_hidden_alone():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----"
    assert masker(key=key).hide("line 2: MIIEvQIBADANBg") == f"line 2: {HIDDEN}"


def test_short_secrets_are_masked_only_where_they_are_all():
    masked = masker(pin="1234").mask(["1234", "the year 12345", 1234])
    assert conceal(masked) == [HIDDEN, "the year 12345", 1234]


def test_a_number_that_is_a_secret_is_masked_and_stays_a_number():
    secrets = {"code": "12345678"}
    masked = masker(**secrets).mask({"code": 12345678})
    assert "12345678" not in json.dumps(masked)
    assert conceal(masked) == {"code": HIDDEN}
    assert masker(**secrets).unmask(masked, secrets) == {"code": 12345678}


def test_the_longer_secret_wins_and_a_name_is_no_place_to_look_in():
    secrets = {"password_long": "password_long", "short": "password"}
    masked = masker(**secrets).mask("password_long password")
    assert masker(**secrets).unmask(masked, secrets) == "password_long password"
    assert conceal(masked) == f"{HIDDEN} {HIDDEN}"


def test_a_placeholder_from_outside_is_not_filled():
    forged = [f"⟦secret:login:{'0' * 32}⟧", "⟦secret:login⟧", "⟦secret:login:⟧"]
    assert masker(login=SECRET).unmask(forged, {"login": SECRET}) == forged


def test_another_organization_has_another_mark():
    foreign = Masker({"login": SECRET}, mark_of("organization-2", "key"))
    text = foreign.mask(SECRET)
    assert masker(login=SECRET).unmask(text, {"login": SECRET}) == text


def test_a_secret_that_was_deleted_meanwhile_stays_hidden():
    masked = masker(login=SECRET).mask(SECRET)
    assert masker().unmask(masked, {}) == HIDDEN


def test_a_secret_that_is_resolved_later_is_masked_from_then_on():
    resolved = {}
    later = Masker(resolved, MARK)
    assert later.mask(SECRET) == SECRET
    resolved["login"] = SECRET
    assert later.mask(SECRET) != SECRET


def test_people_never_see_a_placeholder():
    masked = masker(login=SECRET).mask({"a": f"x {SECRET}", SECRET: [SECRET]})
    assert conceal(masked) == {"a": f"x {HIDDEN}", HIDDEN: [HIDDEN]}
    assert masker(login=SECRET).hide_all(SECRET) == HIDDEN


def test_an_empty_secret_hides_nothing():
    assert masker(nothing="").mask(["", "abc", 1]) == ["", "abc", 1]
