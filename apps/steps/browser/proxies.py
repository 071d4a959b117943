"""The proxy that a workflow's browser goes out by: `settings.browser.proxy`."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from apps.core.egress.errors import InvalidHost
from apps.core.egress.hosts import normalize_host
from apps.core.egress.upstream import Upstream, parse_server
from apps.core.errors import PermanentFailure

_REFERENCE = re.compile(r"\{\{\s*secrets\.([a-z][a-z0-9_]{0,63})\s*\}\}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _server(text: str) -> str:
    parse_server(text)
    return text


def _user(text: str) -> str:
    if _CONTROL.search(text) or ("{{" in text and not _REFERENCE.fullmatch(text)):
        raise ValueError("must be one line, or {{ secrets.<name> }}")
    return text


def _secret(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        # Documents are kept in the clear and handed around.
        raise ValueError("must be {{ secrets.<name> }}, never the password itself")
    return text


def _host(text: str) -> str:
    star, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        return star + normalize_host(name)
    except InvalidHost as error:
        raise ValueError(
            "must be a host such as example.com or *.example.com"
        ) from error


class ProxySettings(BaseModel):
    """A proxy between the platform's own and the network.

    Attributes:
        server: `http://host:port` or `socks5://host:port`.
        username, password: each a secret's reference, or the plain name of a user.
        bypass: hosts that are reached without it; `*.example.com`: all below it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: Annotated[str, Field(max_length=300), AfterValidator(_server)]
    username: Annotated[str, Field(max_length=200), AfterValidator(_user)] = ""
    password: Annotated[str, AfterValidator(_secret)] | None = None
    bypass: Annotated[
        tuple[Annotated[str, Field(max_length=255), AfterValidator(_host)], ...],
        Field(max_length=100),
    ] = ()

    def upstream(self, secrets: Mapping[str, str]) -> Upstream:
        """The proxy with its login.

        Raises:
            PermanentFailure: `secret_missing`.
        """
        return Upstream(
            parse_server(self.server),
            _filled(self.username, secrets),
            _filled(self.password or "", secrets),
            self.bypass,
        )


def _filled(text: str, secrets: Mapping[str, str]) -> str:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return text
    try:
        return secrets[match[1]]
    except KeyError:
        message = f"There is no secret {match[1]}, which settings.browser.proxy names."
        raise PermanentFailure(message, code="secret_missing") from None
