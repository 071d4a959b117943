"""What a call from outside says, and the inputs that a workflow takes from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from io import BytesIO
from urllib.parse import parse_qsl

from django.http.multipartparser import MultiPartParser, MultiPartParserError

from apps.core.documents import invalid, load_json
from apps.core.errors import Invalid, RpaError
from apps.core.text import is_storable
from apps.core.types import Json, JsonObject
from apps.workflows.definition.inputs import read_inputs
from apps.workflows.definition.model import Definition

# Credentials of the caller's, and what is about the connection rather than the call.
LEFT_OUT = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "connection"),
        *("keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)
_FORM, _PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
_MOST_FIELDS = 1_000


class UnsupportedBody(RpaError):
    """The body is of a kind that is not taken."""

    code = "unsupported_media_type"
    http_status = 415


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        headers: by lower-case name, without credentials.
        query: by name; a list of texts where a name stands more than once.
        body: the value of a JSON body, the fields of a form, otherwise the text.
        is_form: the body's fields are texts, whatever they mean.
    """

    method: str
    headers: dict[str, str]
    query: JsonObject
    body: Json
    is_form: bool = False


def read_call(
    method: str, headers: Iterable[tuple[bytes, bytes]], query: bytes, body: bytes
) -> Call:
    """The call that these parts of a request make.

    Raises:
        Invalid: the body is not what its content type says, or cannot be stored.
        UnsupportedBody: it is compressed or in another character set.
    """
    given = _headers(headers)
    kind, charset, boundary = _content_type(given.get("content-type", ""))
    encoding = given.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedBody("Compressed request bodies are not accepted.")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedBody("The body must be UTF-8.")
    is_form = kind in (_FORM, _PARTS)
    if kind == _PARTS:
        value: Json = _parts(given["content-type"], body, has_boundary=bool(boundary))
    else:
        value = _value(kind, body)
    shown = {name: text for name, text in given.items() if name not in LEFT_OUT}
    return Call(method, shown, _fields(query, "query"), value, is_form)


def inputs_of(definition: Definition, call: Call) -> JsonObject:
    """The inputs that the workflow takes from a call.

    A declared input is the body's field of its name; one named `body`, `headers`,
    `query` or `method` is that part of the call unless the body has such a field.
    Fields that are not declared are left out: callers send what they like. A workflow
    that declares no inputs gets all.
    """
    whole: JsonObject = {
        "body": call.body,
        "headers": call.headers,
        "query": call.query,
        "method": call.method,
    }
    fields: Mapping[str, Json] = call.body if isinstance(call.body, dict) else {}
    if not definition.inputs:
        return {**whole, **fields}
    names = {one.name for one in definition.inputs}
    sent = {name: value for name, value in fields.items() if name in names}
    if call.is_form:
        texts = {name: text for name, text in sent.items() if isinstance(text, str)}
        sent |= read_inputs(definition, texts)
    return {name: whole[name] for name in names & whole.keys()} | sent


def _headers(given: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw in given:
        name, text = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _content_type(text: str) -> tuple[str, str, str]:
    """Media type, character set and boundary of the body."""
    if text in ("", "application/json"):  # as most calls have it
        return text, "utf-8", ""
    message = Message()
    message["content-type"] = text
    charset = str(message.get_param("charset", "utf-8")).lower()
    return message.get_content_type(), charset, str(message.get_param("boundary", ""))


def _value(kind: str, body: bytes) -> Json:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise invalid("The body is not UTF-8 text.", code="not_utf8") from error
    if kind == "application/json" or kind.endswith("+json"):
        return load_json(text)[0] if text.strip() else {}
    if kind == _FORM:
        return _fields(body, "body")
    if not text and not kind:
        return {}
    if not is_storable(text):
        raise _unstorable("body")
    return text


def _fields(raw: bytes, at: str) -> JsonObject:
    """Fields of a query or form: a text each, or a list where a name repeats."""
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise invalid(f"The {at} is not UTF-8 text.", code="not_utf8") from error
    except ValueError as error:
        raise invalid(f"The {at} has more than {_MOST_FIELDS} fields.") from error
    return _gathered(pairs, at)


def _gathered(pairs: Iterable[tuple[str, str]], at: str) -> JsonObject:
    found: JsonObject = {}
    for name, text in pairs:
        if not (is_storable(name) and is_storable(text)):
            raise _unstorable(at)
        if name not in found:
            found[name] = text
        elif isinstance(found[name], list):
            found[name].append(text)
        else:
            found[name] = [found[name], text]
    return found


def _parts(content_type: str, body: bytes, *, has_boundary: bool) -> JsonObject:
    """The fields of a multipart form; files in it are left out."""
    if not has_boundary:
        raise invalid("The form's content type names no boundary.")
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
    try:
        fields, _ = MultiPartParser(meta, BytesIO(body), [], "utf-8").parse()
    except (MultiPartParserError, UnicodeError) as error:
        raise invalid("The form cannot be read.") from error
    return _gathered(
        ((name, text) for name, texts in fields.lists() for text in texts), "body"
    )


def _unstorable(at: str) -> Invalid:
    message = "A text holds NUL or half of a surrogate pair."
    return Invalid(message, [{"path": at, "message": message}], code="invalid_text")
