"""Step type `http_request`: call a web API and hand on what it answered."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from apps.core.documents import load_json
from apps.core.errors import Invalid
from apps.core.http import Response
from apps.core.types import Json, JsonObject
from apps.steps.base import Duration, Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.http.outgoing import (
    Headers,
    Url,
    bounded_timeout,
    excerpt_of,
    has_header,
    require,
    secret_headers,
    shown,
)
from apps.steps.registry import register

MAX_TEXT = 1_000_000
MAX_BODY = 10 * 1024 * 1024
_TIMEOUT = timedelta(seconds=30)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_STATUS_RANGE = re.compile(r"([1-9])xx|([1-9]\d\d)(?:-([1-9]\d\d))?", re.ASCII)

Scalar = str | int | float | bool | None
Fields = dict[str, Scalar | list[Scalar]]


def _upper(method: Any) -> Any:
    return method.upper() if isinstance(method, str) else method


def _as_list(expect: Any) -> Any:
    """One status or range may stand without the list around it."""
    return [expect] if isinstance(expect, int | str) else expect


def _range(text: str | int) -> tuple[int, int]:
    match = _STATUS_RANGE.fullmatch(str(text))
    if match is None or isinstance(text, bool):
        raise ValueError("must be a status such as 404, or a range such as 2xx")
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    return int(match[2]), int(match[3] or match[2])


def _statuses(expect: list[int | str]) -> list[int | str]:
    for text in expect:
        _range(text)
    return expect


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class Auth(Params):
    """Who asks: a user with a password, or a bearer token."""

    user: str | None = Field(default=None, max_length=500)
    password: SecretStr | None = None
    bearer: SecretStr | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        has_user = self.user is not None and self.password is not None
        if has_user == (self.bearer is not None):
            raise ValueError("give either `user` and `password`, or `bearer`")
        return self


class HttpRequestParams(Params):
    """What is sent, and which answers are fine."""

    method: Annotated[Method, BeforeValidator(_upper)] = Field(
        default="GET", description="GET, HEAD and OPTIONS change nothing there."
    )
    url: Url = Field(description="Address, http or https.")
    headers: Headers = Field(default_factory=dict, max_length=100)
    query: Fields = Field(
        default_factory=dict,
        max_length=500,
        description="Added to the URL; a list repeats the name, null is left out.",
    )
    json_body: Json = Field(
        default=None, alias="json", description="Body, sent as JSON."
    )
    body: str | None = Field(
        default=None, max_length=MAX_BODY, description="Or: body, sent as it is."
    )
    form: Fields | None = Field(
        default=None, max_length=500, description="Or: body, sent like a web form."
    )
    expect: Annotated[
        list[int | str], BeforeValidator(_as_list), AfterValidator(_statuses)
    ] = Field(
        default=["2xx"],
        min_length=1,
        max_length=50,
        description="Statuses that are fine: `200`, `2xx`, `200-204`.",
    )
    auth: Auth | None = Field(default=None, description="User or bearer token.")
    timeout: Duration = Field(
        default=_TIMEOUT, description="For the whole answer, redirects included."
    )
    follow_redirects: bool = Field(
        default=True, description="Whether a redirect leads on or is the answer."
    )
    idempotency_key: bool = Field(
        default=True,
        description="Whether writes carry an `Idempotency-Key`, the same on each"
        " attempt. Then the step is repeated when its worker dies.",
    )

    @property
    def is_read(self) -> bool:
        """Whether the method changes nothing on the server."""
        return self.method in _READS

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({"json_body", "body", "form"} & self.model_fields_set) > 1:
            raise ValueError("give one of `json`, `body` and `form`")
        if self.auth and has_header(self.headers, "Authorization"):
            raise ValueError("give either `auth` or the header Authorization")
        return self


@register("http_request")
class HttpRequest(StepType[HttpRequestParams]):
    """Send one HTTP request and hand on the answer.

    The output is `{status, headers, json, text, url, elapsed_ms}`; `json` is null
    when the body is no JSON, and names of headers are in small letters. A status that
    is not expected fails the step with the code `http_<status>`: for good, but for
    408, 425, 429 and 5xx, which are tried again as `retry` says.

    Example:
        - id: order
          type: http_request
          params:
            method: POST
            url: https://api.example.com/orders
            json: {number: 17}
            auth: {bearer: "{{ secrets.shop_token }}"}
    """

    params_class = HttpRequestParams
    effect = Effect.WRITE

    def effect_of(self, params: HttpRequestParams) -> Effect:
        return Effect.READ if params.is_read else Effect.WRITE

    def is_keyed(self, params: HttpRequestParams) -> bool:
        return params.is_read or params.idempotency_key

    def summary(self, params: HttpRequestParams) -> str:
        return f"{params.method} {shown(params.url)}"

    def run(self, params: HttpRequestParams, ctx: StepContext) -> Json:
        response = ctx.http.send(
            params.method,
            params.url,
            headers=_headers(params, ctx),
            params=_fields(params.query) or None,
            timeout=bounded_timeout(ctx, params.timeout),
            allow_redirects=params.follow_redirects,
            secret_headers=secret_headers(params.headers),
            **_body(params),
            **_auth(params.auth),
        )
        require(response, _expected(params), excerpt_of(response))
        return _output(response, ctx)


def _headers(params: HttpRequestParams, ctx: StepContext) -> dict[str, str]:
    headers = dict(params.headers)
    if params.auth and params.auth.bearer:
        headers["Authorization"] = f"Bearer {params.auth.bearer.get_secret_value()}"
    is_json = "json_body" in params.model_fields_set
    if is_json and not has_header(headers, "Content-Type"):
        headers["Content-Type"] = "application/json"
    is_wanted = params.idempotency_key and not params.is_read
    if is_wanted and not has_header(headers, "Idempotency-Key"):
        headers["Idempotency-Key"] = ctx.idempotency_key
    return headers


def _body(params: HttpRequestParams) -> dict[str, Any]:
    if "json_body" in params.model_fields_set:
        # `requests` would take null for no body at all.
        return {"data": json.dumps(params.json_body).encode()}
    if params.form is not None:
        return {"data": _fields(params.form)}
    return {} if params.body is None else {"data": params.body.encode()}


def _auth(auth: Auth | None) -> dict[str, Any]:
    if auth is None or auth.user is None or auth.password is None:
        return {}
    # Bytes, since `requests` takes text for Latin-1.
    password = auth.password.get_secret_value()
    return {"auth": (auth.user.encode(), password.encode())}


def _fields(fields: Fields) -> list[tuple[str, str]]:
    pairs = [
        (name, one)
        for name, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return [(name, _text(value)) for name, value in pairs if value is not None]


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expected(params: HttpRequestParams) -> Callable[[int], bool]:
    ranges = [_range(text) for text in params.expect]
    return lambda status: any(low <= status <= high for low, high in ranges)


def _output(response: Response, ctx: StepContext) -> JsonObject:
    text = response.text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(text) > MAX_TEXT:
        ctx.warn(f"`text` holds the first {MAX_TEXT} characters of the answer.")
    return {
        "status": response.status,
        "headers": {
            name.lower(): value[:16_384] for name, value in response.headers.items()
        },
        "json": _json(text),
        "text": text[:MAX_TEXT],
        "url": response.url,
        "elapsed_ms": response.elapsed_ms,
    }


def _json(text: str) -> Json:
    try:
        return load_json(text)[0] if text.strip() else None
    except Invalid:
        return None
