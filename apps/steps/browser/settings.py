"""What a workflow can choose about its browser: `settings.browser`."""

import re
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from apps.steps.browser.devices import DEVICES, Device, DeviceName
from apps.steps.browser.launch import EngineName, Launch
from apps.steps.browser.proxies import ProxySettings

_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# The browser's own affair, or a way around the proxy.
_FORBIDDEN_HEADERS = frozenset(
    {"connection", "content-length", "host", "proxy-authorization", "transfer-encoding"}
)


def _locale(text: str) -> str:
    if not _LOCALE.fullmatch(text):
        raise ValueError("must be a language such as en, de-CH or pt-BR")
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be a time zone such as Europe/Berlin")
    return name


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be one line")
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _FORBIDDEN_HEADERS:
            raise ValueError(f"{name[:100]!r} cannot be a header here")
        _one_line(value)
    return headers


Blocked = Literal["images", "media", "fonts", "stylesheets", "ads", "analytics"]
Line = Annotated[str, AfterValidator(_one_line)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Geolocation(_Model):
    """Where the browser says it is, in degrees; accuracy in meters."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    accuracy: Annotated[float, Field(ge=0, le=1_000_000)] = 10.0


class BrowserSettings(_Model):
    """The browser of a workflow's executions.

    Attributes:
        engine: which browser; Firefox has no steps and devices that need Chromium.
        width, height: of the page, in CSS pixels.
        device: to pass for; brings size, pixels, touch and user agent.
        user_agent: in place of the browser's or the device's own.
        keep_session: a name under which cookies and storage are kept for the
            workflow's next executions.
        headless: without a window; else the worker needs a display.
        proxy: to go out by.
        block: kinds of content that pages do not load.
        block_urls: texts in addresses that they do not load; `*` is anything.
        headers: sent with every request.
        evidence: when a picture, the page, messages and traffic are kept: `off`,
            `on_failure` of a browser step, or `always`, after each of them.
    """

    engine: EngineName = "chromium"
    width: Annotated[int, Field(ge=100, le=7680)] = 1280
    height: Annotated[int, Field(ge=100, le=4320)] = 800
    device: DeviceName | None = None
    user_agent: Annotated[Line, Field(min_length=1, max_length=500)] | None = None
    locale: Annotated[str, AfterValidator(_locale)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    geolocation: Geolocation | None = None
    headless: bool = True
    keep_session: Annotated[
        str | None, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    ] = None
    proxy: ProxySettings | None = None
    block: Annotated[tuple[Blocked, ...], Field(max_length=6)] = ()
    block_urls: Annotated[
        tuple[Annotated[str, Field(min_length=3, max_length=500)], ...],
        Field(max_length=100),
    ] = ()
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=4_000)]],
        Field(max_length=50),
        AfterValidator(_headers),
    ] = {}
    evidence: Literal["off", "on_failure", "always"] = "on_failure"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.engine == "firefox" and self.shape.is_mobile:
            raise ValueError("firefox passes for a laptop or desktop only")
        if self.engine == "firefox" and (
            self.keep_session or self.block or self.block_urls
        ):
            raise ValueError("firefox can neither keep_session nor block")
        return self

    @property
    def launch(self) -> Launch:
        """What of it needs a browser started so."""
        return Launch(engine=self.engine, headless=self.headless)

    @property
    def shape(self) -> Device:
        """Size, pixels and user agent that pages see."""
        shape = DEVICES[self.device] if self.device else Device(self.width, self.height)
        given = {"width", "height"} & self.model_fields_set if self.device else set()
        sizes = {name: getattr(self, name) for name in given}
        if self.user_agent is not None:
            sizes["user_agent"] = self.user_agent
        return shape._replace(**sizes)
