"""Keeps evidence of browser steps: after a failure, or after each of them."""

import logging

from apps.core.types import JsonObject
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.engine.masking import Masker
from apps.steps.browser.evidence.collecting import collect
from apps.steps.browser.session import BrowserSession

log = logging.getLogger(__name__)

# Of one execution, since it was claimed: retries and loops could keep any amount.
MOST_BYTES = 128 * 1024 * 1024


class EvidenceKeeper:
    """Keeps what an execution's browser shows, without ever failing a step."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._bytes = 0

    def keep(
        self,
        session: BrowserSession,
        store: ArtifactStore,
        *,
        attempt: int,
        has_failed: bool,
    ) -> JsonObject:
        """Keep what there is to see now, if the workflow wants it; gives it by kind."""
        wanted = session.settings.evidence
        if wanted == "off" or (wanted == "on_failure" and not has_failed):
            return {}
        if self._bytes >= MOST_BYTES:
            return {}
        try:
            pieces = list(collect(session, self._masker, whole=has_failed))
            self._bytes += sum(len(one.content) for one in pieces)
            return store.keep(pieces, attempt=attempt)
        except Exception as fault:
            # Whatever happens here, the step's own outcome is what counts.
            reason = self._masker.hide(repr(fault))[:500]
            log.warning("no evidence was kept", extra={"reason": reason})
            return {}
