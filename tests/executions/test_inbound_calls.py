"""What is read from a call, and which inputs a workflow takes from it."""

from typing import Any

import pytest

from apps.core.errors import Invalid
from apps.executions.inbound.calls import Call, UnsupportedBody, inputs_of, read_call
from apps.workflows.definition.parser import parse
from tests.executions.documents import doc

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=XX"


def call(body: bytes = b"", kind: str = "", query: bytes = b"", **more: str) -> Call:
    headers = [
        (name.replace("_", "-").encode(), text.encode("latin-1"))
        for name, text in more.items()
    ]
    if kind:
        headers.append((b"content-type", kind.encode()))
    return read_call("POST", headers, query, body)


def taken(inputs: dict[str, str], **parts: Any) -> Any:
    """The inputs of a workflow that declares these types, from such a call."""
    declared = {name: {"type": type_} for name, type_ in inputs.items()}
    whole = {"method": "POST", "headers": {}, "query": {}, "body": {}}
    return inputs_of(parse(doc(name="w", inputs=declared)), Call(**{**whole, **parts}))


# --- reading ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json", b'{"a": [1]}', {"a": [1]}),
        ("application/json; charset=utf-8", b"[1]", [1]),
        ("application/vnd.api+json", b"5", 5),
        ("application/json", b" ", {}),
        ("", b"", {}),
        ("text/plain", b"", ""),
        ("text/plain", "gr\u00fcn".encode(), "gr\u00fcn"),
        ("", b"<a/>", "<a/>"),
        ("application/xml", b"<a/>", "<a/>"),
        (FORM, b"a=1&b=x+y&c=", {"a": "1", "b": "x y", "c": ""}),
        (FORM, b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (FORM, b"", {}),
    ],
)
def test_a_body_is_read_by_its_content_type(kind: str, body: bytes, value: Any) -> None:
    assert call(body, kind).body == value


def test_the_fields_of_a_multipart_form_are_read_and_its_files_left_out() -> None:
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\ncontent\r\n--XX--\r\n"
    )
    assert call(body, PARTS).body == {"a": "1"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"\xff"),
        ("text/plain", b"a\x00b"),
        ("text/plain", b"\xff"),
        (FORM, b"a=%00"),
        (FORM, b"a=%ff"),
        (FORM, b"&".join(b"a%d=1" % n for n in range(1_001))),
        ("multipart/form-data", b"x"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(Invalid):
        call(body, kind)


def test_what_is_compressed_or_in_another_character_set_is_not_taken() -> None:
    with pytest.raises(UnsupportedBody):
        call(b"x", content_encoding="gzip")
    with pytest.raises(UnsupportedBody):
        call(b"x", "text/plain; charset=iso-8859-1")


def test_headers_are_in_lower_case_and_without_credentials() -> None:
    found = call(Authorization="Bearer x", Cookie="a=b", X_Event="push", Connection="x")
    assert found.headers == {"x-event": "push"}


def test_headers_that_repeat_are_joined() -> None:
    found = read_call("POST", [(b"x-a", b"1"), (b"X-A", b"2")], b"", b"")
    assert found.headers == {"x-a": "1, 2"}


def test_the_query_is_read() -> None:
    assert call(query=b"wait=true&a=1&a=2").query == {"wait": "true", "a": ["1", "2"]}


# --- mapping ----------------------------------------------------------------------


def test_declared_inputs_are_fields_of_the_body() -> None:
    assert taken({"a": "any"}, body={"a": 1, "more": 2}) == {"a": 1}


def test_the_parts_of_the_call_are_inputs_by_name() -> None:
    names = dict.fromkeys(("body", "headers", "query", "method"), "any")
    parts = {"body": [1], "headers": {"x": "y"}, "query": {"q": "1"}}
    assert taken(names, **parts) == {**parts, "method": "POST"}


def test_a_field_of_the_body_goes_before_the_part_of_that_name() -> None:
    assert taken({"query": "any"}, body={"query": "select"}) == {"query": "select"}


def test_a_workflow_that_declares_nothing_gets_all() -> None:
    found = taken({}, body={"a": 1})
    assert found == {
        "a": 1,
        "body": {"a": 1},
        "headers": {},
        "query": {},
        "method": "POST",
    }


def test_form_fields_are_read_by_the_declared_types() -> None:
    types = {"n": "integer", "s": "string", "flag": "boolean", "many": "array"}
    body = {"n": "5", "s": "5", "flag": "true", "many": ["a", "b"]}
    expected = {"n": 5, "s": "5", "flag": True, "many": ["a", "b"]}
    assert taken(types, body=body, is_form=True) == expected
