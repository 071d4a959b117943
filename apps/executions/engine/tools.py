"""The tools that the steps of one execution share, each made on first use."""

import logging
import threading
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.core.files.storage import default_storage

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.errors import RpaError
from apps.core.http import HttpClient
from apps.core.mail import Mailer
from apps.core.types import JsonObject
from apps.core.workspace import Workspace
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.engine.children import ChildStarter
from apps.executions.engine.evidence import EvidenceKeeper
from apps.executions.engine.leases import Lease
from apps.executions.engine.vault import Vault
from apps.executions.engine.waits import WaitOpener
from apps.steps.base import AnyStepType, Effect
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings

log = logging.getLogger(__name__)

# A page that hangs must not hold up the step that has ended.
_CHECKPOINT_S = 3.0


class ProcessTools:
    """What a worker's child makes once and keeps: it holds nothing of a tenant."""

    @cached_property
    def policy(self) -> Policy:
        """Where steps may connect to."""
        return Policy.parse(settings.EGRESS_ALLOW)

    @cached_property
    def http(self) -> HttpClient:
        """The outbound HTTP client; its calls share no cookies."""
        return HttpClient(self.policy, max_bytes=settings.HTTP_MAX_BYTES)

    @cached_property
    def proxy(self) -> tuple[str, int]:
        """Address of the proxy that all of the browser's traffic takes."""
        return EgressProxy(self.policy).start()

    @cached_property
    def browsers(self) -> BrowserHost:
        """Lends each execution a context of the process's one warm browser."""
        return BrowserHost(self._browser_options, proxy_address=self.proxy)

    @cached_property
    def windows(self) -> BrowserHost:
        """The same of a browser with a window, which is closed when it is unused."""
        options = replace(self._browser_options, headless=False)
        proxy = self.proxy
        return BrowserHost(options, proxy_address=proxy, keeps_warm=False, stays=False)

    def browsers_for(self, chosen: BrowserSettings) -> BrowserHost:
        """The host of a browser that was started as a workflow wants it."""
        return self.browsers if chosen.headless else self.windows

    @property
    def _browser_options(self) -> BrowserOptions:
        path = settings.BROWSER_PATH or None
        return BrowserOptions(path=path, sandbox=settings.BROWSER_SANDBOX)

    @cached_property
    def mail(self) -> Mailer:
        """Sends mail by the operator's SMTP server."""
        return Mailer(
            host=settings.SMTP_HOST,
            port=settings.SMTP_PORT,
            user=settings.SMTP_USER,
            password=settings.SMTP_PASS,
            tls=settings.SMTP_TLS,
            sender=settings.SMTP_FROM or settings.SMTP_USER,
            policy=self.policy,
        )

    def close(self) -> None:
        """End what is kept for later: connections and the browser."""
        if "http" in self.__dict__:
            self.http.close()
        for name in ("browsers", "windows"):
            if name in self.__dict__:
                getattr(self, name).stop()


class ExecutionTools:
    """The tools of one execution.

    Args:
        browser_settings: what the workflow wants its browser to be.
        vault: keeps secrets out of what is stored on behalf of steps.
        restore: the browser's recorded state, for an execution that was taken over.
    """

    def __init__(
        self,
        lease: Lease,
        shared: ProcessTools,
        *,
        browser_settings: BrowserSettings,
        vault: Vault,
        restore: JsonObject | None = None,
    ) -> None:
        self.lease = lease
        self.shared = shared
        self._browser_settings = browser_settings
        self._vault = vault
        # Branches of `parallel` are at different steps.
        self._here = threading.local()
        self._restore = restore
        self._session: BrowserSession | None = None
        self._page: _Page | None = None
        self._opening = threading.Lock()
        self._evidence = EvidenceKeeper(vault.masker)

    @property
    def http(self) -> HttpClient:
        """The outbound HTTP client."""
        return self.shared.http

    @property
    def policy(self) -> Policy:
        """Where steps may connect to."""
        return self.shared.policy

    @property
    def mail(self) -> Mailer:
        """Sends mail by the operator's SMTP server."""
        return self.shared.mail

    @cached_property
    def files(self) -> Workspace:
        """The organization's files."""
        return Workspace(
            default_storage,
            self.lease.organization_id,
            max_bytes=settings.FILE_MAX_BYTES,
        )

    @cached_property
    def workflows(self) -> ChildStarter:
        """Starts other workflows as children of this execution."""
        return ChildStarter(self.lease, self._vault)

    @cached_property
    def waits(self) -> WaitOpener:
        """Opens what steps of this execution wait for."""
        return WaitOpener(self.lease, self._vault)

    @property
    def path(self) -> str:
        """The step that the calling thread is at, for the artifacts it saves."""
        path: str = getattr(self._here, "path", "")
        return path

    @path.setter
    def path(self, path: str) -> None:
        self._here.path = path
        self._here.has_used_browser = False

    @property
    def artifacts(self) -> ArtifactStore:
        """Keeps files of this execution, under the step that runs now."""
        return ArtifactStore(
            self.lease.organization_id, self.lease.execution_id, self.path
        )

    @property
    def browser(self) -> BrowserSession:
        """The execution's browser; restored after a takeover."""
        self._here.has_used_browser = True
        with self._opening:
            if self._session is None:
                self._session = self._open()
        return self._session

    def _open(self) -> BrowserSession:
        host = self.shared.browsers_for(self._browser_settings)
        session = BrowserSession(host, self._browser_settings)
        # Known before it is restored: an interrupt meanwhile must still close it.
        self._session = session
        if self._restore is not None:
            session.restore(self._restore)
            self._page = _loaded(session)
        return session

    @property
    def is_browser_lost(self) -> bool:
        """Whether the execution had a page in a browser that has died."""
        return self._session is not None and self._session.is_lost

    @property
    def had_page(self) -> bool:
        """Whether something was done in the browser that a new one does not have."""
        return self._page is not None

    def checkpoint(self, kind: AnyStepType, effect: str) -> JsonObject | None:
        """The browser's state when another page is open since the last, else None.

        A page's own state (what was typed) is in no checkpoint: after a takeover the
        `page` steps since the last one are done again. A page may arrive only after
        the click that asked for it has ended. A `page` step that finds its element on
        such a page makes the checkpoint, and is then done again as well.
        """
        if self._session is None or not self._session.is_running:
            return None
        if not getattr(kind, "needs_browser", False):
            return None
        session = self._session
        try:
            with session.limited_to(_CHECKPOINT_S):
                if effect == Effect.WRITE:
                    session.settle()
                page = _loaded(session)
                if page == self._page:
                    return None
                if effect == Effect.PAGE and not self._came_upon(page):
                    return None
                state = session.checkpoint()
        except RpaError as error:
            # What the step did stays done; a takeover begins at an earlier page.
            log.warning(
                "no checkpoint of the browser",
                extra={"execution_id": self.lease.execution_id, "error": str(error)},
            )
            return None
        self._page = page
        return {"browser": state}

    def keep_evidence(self, *, attempt: int, has_failed: bool) -> JsonObject:
        """Keep what the browser shows, if the step has used it; gives it by kind."""
        session = self._session
        if session is None or not self._here.has_used_browser:
            return {}
        return self._evidence.keep(
            session, self.artifacts, attempt=attempt, has_failed=has_failed
        )

    def close(self) -> None:
        """Give the browser back; never raises for a dead one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _came_upon(self, page: "_Page") -> bool:
        """Whether the step found its element on the page, and did not load it."""
        session, last = self._session, self._page
        if session is None or last is None or page.tab != last.tab:
            return False
        return float(session.state()["since"]) < session.found_at * 1000


class _Page(NamedTuple):
    """The page of a tab; `load` changes with each load, and with nothing else."""

    tab: str
    load: str


def _loaded(session: BrowserSession) -> _Page:
    frame = session.cdp("Page.getFrameTree")["frameTree"]["frame"]
    return _Page(str(frame["id"]), str(frame["loaderId"]))
