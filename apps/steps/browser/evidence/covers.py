"""Pictures that steps take, with black where secrets stand."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from apps.core.errors import PermanentFailure, TemporaryFailure
from apps.steps.browser.evidence import copies
from apps.steps.browser.evidence.picture import is_too_much
from apps.steps.browser.evidence.redaction import Secrets
from apps.steps.browser.evidence.sandbox import NoAnswer, Sandbox, TooLate

if TYPE_CHECKING:
    from apps.steps.browser.session import BrowserSession

_LIMIT_S = 10.0
_ATTEMPTS = 4
_PAUSE_S = 0.1

# By document: where secrets stand in its copy, and the frames that nobody could copy.
Hidden = dict[str, list[Any]]
# By document: boxes in it, in CSS pixels.
Places = dict[str, list[list[float]]]


def without_secrets(
    session: "BrowserSession", secrets: Secrets, take: Callable[[], bytes]
) -> bytes:
    """A picture in which private fields and all that shows a secret are black.

    Black boxes are drawn into the page before it is taken. Afterwards everything must
    still be where it was: a picture that shows a secret is worse than none.

    Raises:
        TemporaryFailure: `page_changing`, the page never stood still for it.
        PermanentFailure: `too_much_data`, nobody can tell where secrets stand in it.
    """
    loan, tab = session.loan, session.tab
    until = time.monotonic() + session.within_step(_LIMIT_S)
    for _ in range(_ATTEMPTS):
        sandbox = Sandbox(loan.bidi, until)
        try:
            with _covered(sandbox, _hidden(sandbox, tab, secrets)) as before:
                png = take()
                after = _ask(sandbox, "evidence.places", _hidden(sandbox, tab, secrets))
            if before == after:
                return png
        except TooLate:
            break
        except NoAnswer:
            # It is on its way to another page.
            time.sleep(_PAUSE_S)
    message = "The page kept on changing, so its secrets could not be made black."
    raise TemporaryFailure(message, code="page_changing")


def _hidden(sandbox: Sandbox, tab: str, secrets: Secrets) -> Hidden:
    copy = copies.take(sandbox, tab)
    copies.hide(copy, secrets)
    if any(is_too_much(one) for one in copy.everything()):
        message = "The page is too large to tell where secrets stand in it."
        raise PermanentFailure(message, code="too_much_data")
    return {
        one.context: [
            one.spans,
            [at for at, frame in enumerate(one.frames) if frame is None],
        ]
        for one in copy.everything()
    }


@contextlib.contextmanager
def _covered(sandbox: Sandbox, hidden: Hidden) -> Iterator[Places]:
    try:
        yield _ask(sandbox, "evidence.cover", hidden)
    finally:
        for context in hidden:
            with contextlib.suppress(NoAnswer):
                sandbox.ask(context, "evidence.uncover")


def _ask(sandbox: Sandbox, function: str, hidden: Hidden) -> Places:
    return {
        context: sandbox.ask(context, function, wanted)["places"]
        for context, wanted in hidden.items()
    }
