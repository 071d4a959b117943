"""The tools that the steps of one execution share, each made on first use."""

import threading
from functools import cached_property

from django.conf import settings
from django.core.files.storage import default_storage

from apps.core.egress import Policy
from apps.core.egress.proxy import EgressProxy
from apps.core.egress.upstream import Upstream
from apps.core.http import HttpClient
from apps.core.mail import Mailer
from apps.core.types import JsonObject
from apps.core.workspace import Workspace
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.engine.browsing import ExecutionBrowser
from apps.executions.engine.children import ChildStarter
from apps.executions.engine.evidence import EvidenceKeeper
from apps.executions.engine.leases import Lease
from apps.executions.engine.vault import Vault
from apps.executions.engine.waits import WaitOpener
from apps.steps.base import AnyStepType
from apps.steps.browser.chromium import processes
from apps.steps.browser.chromium.options import BrowserOptions
from apps.steps.browser.host import BrowserHost
from apps.steps.browser.local import FOLDER
from apps.steps.browser.remote.place import Place, read_networks, read_place
from apps.steps.browser.remote.session import end_orphans
from apps.steps.browser.session import BrowserSession
from apps.steps.browser.settings import BrowserSettings


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
        return self.new_proxy().start()

    def new_proxy(self, upstream: Upstream | None = None) -> EgressProxy:
        """A proxy that browsers can reach, on other machines too.

        Args:
            upstream: the proxy that it goes out by; None: straight to the network.
        """
        return EgressProxy(
            self.policy,
            upstream=upstream,
            listen=settings.EGRESS_PROXY_LISTEN,
            peers=read_networks(settings.EGRESS_PROXY_PEERS),
        )

    @cached_property
    def browsers(self) -> BrowserHost:
        """Lends each execution a context of the process's browsers."""
        options = BrowserOptions(
            path=settings.BROWSER_PATH or None,
            sandbox=settings.BROWSER_SANDBOX,
            firefox_path=settings.FIREFOX_PATH or None,
            geckodriver_path=settings.GECKODRIVER_PATH or None,
            remote=self._remote,
            most_contexts=settings.BROWSER_MAX_CONTEXTS,
            most_memory_bytes=settings.BROWSER_MAX_MEMORY_BYTES,
            most_download_bytes=settings.FILE_MAX_BYTES,
        )
        return BrowserHost(options, proxy_address=self.proxy)

    def remove_leftovers(self) -> None:
        """Remove what processes that were killed have left of their browsers."""
        if self._remote is not None:
            end_orphans(self._remote)
        processes.remove_orphans(FOLDER)

    @property
    def _remote(self) -> Place | None:
        if not settings.SELENIUM_REMOTE_URL:
            return None
        return read_place(
            settings.SELENIUM_REMOTE_URL,
            listen=settings.EGRESS_PROXY_LISTEN,
            proxy_host=settings.EGRESS_PROXY_HOST,
        )

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
        if "browsers" in self.__dict__:
            self.browsers.stop()


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
        self._vault = vault
        self._browsing = ExecutionBrowser(
            lease, shared, chosen=browser_settings, vault=vault, restore=restore
        )
        # Branches of `parallel` are at different steps.
        self._here = threading.local()
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
        return self._browsing.session

    @property
    def is_browser_lost(self) -> bool:
        """Whether the execution had a page in a browser that has died."""
        return self._browsing.is_lost

    @property
    def had_page(self) -> bool:
        """Whether something was done in the browser that a new one does not have."""
        return self._browsing.had_page

    @property
    def is_page_lost(self) -> bool:
        """Whether the execution had a page that did not answer, and so was left."""
        return self._browsing.is_page_lost

    def checkpoint(self, kind: AnyStepType, effect: str) -> JsonObject | None:
        """What is to be recorded of the browser after a step, if anything."""
        return self._browsing.checkpoint(kind, effect)

    def checkpoint_to_park(self) -> JsonObject | None:
        """The same before the execution is put aside."""
        return self._browsing.checkpoint_to_park()

    def keep_evidence(self, *, attempt: int, has_failed: bool) -> JsonObject:
        """Keep what the browser shows, if the step has used it; gives it by kind."""
        session = self._browsing.opened
        if session is None or not self._here.has_used_browser:
            return {}
        return self._evidence.keep(
            session, self.artifacts, attempt=attempt, has_failed=has_failed
        )

    def close(self) -> None:
        """Give the browser back; never raises for a dead one."""
        self._browsing.close()
