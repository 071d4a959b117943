"""Copies of the open page, frames included, as HTML in which nothing runs."""

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from apps.steps.browser.evidence.redaction import Secrets, blanked
from apps.steps.browser.evidence.sandbox import NoAnswer, Sandbox

MAX_BYTES = 5 * 1024 * 1024
_MOST_FRAMES, _DEEPEST = 50, 4
# Before all that stood in the page, so nothing there can come first. The scripts are
# left out already; this also keeps the copy from asking other servers for anything.
_HEAD = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; form-action 'none'; base-uri 'none'\">"
)


@dataclass
class Copy:
    """A document as it stood.

    Attributes:
        context: the page's or frame's, as the browser calls it.
        parts: its HTML; between each two belongs the content of a frame.
        frames: their copies; None for one that could not be copied.
        is_cut: there was more of it than fits.
        spans: where secrets stand in its HTML, as JavaScript counts.
    """

    context: str
    parts: list[str]
    is_cut: bool
    frames: "list[Copy | None]" = field(default_factory=list)
    spans: list[list[int]] = field(default_factory=list)

    def everything(self) -> "Iterator[Copy]":
        """Itself and all frames in it."""
        yield self
        for one in self.frames:
            if one is not None:
                yield from one.everything()


def take(sandbox: Sandbox, tab: str) -> Copy:
    """Copy a page with its frames.

    Raises:
        NoAnswer: the page does not answer; frames may be missing.
    """
    return _Taking(sandbox).copy(tab, 0)


class _Taking:
    """One copy being made, with what is left of its bounds."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._characters, self._frames = MAX_BYTES, _MOST_FRAMES

    def copy(self, context: str, depth: int) -> Copy:
        found = self._sandbox.ask(context, "evidence.take", self._characters)
        parts = [str(part) for part in found["parts"]]
        self._characters -= sum(map(len, parts))
        made = Copy(context, parts, bool(found["isCut"]))
        for frame in found["frames"]:
            made.frames.append(self._frame(frame, depth + 1))
        return made

    def _frame(self, context: str | None, depth: int) -> Copy | None:
        self._frames -= 1
        if context is None or depth > _DEEPEST or self._frames < 0:
            return None
        try:
            return self.copy(context, depth)
        except NoAnswer:
            return None


def hide(copy: Copy, secrets: Secrets) -> None:
    """Blank the secrets in a copy, and note where they stood."""
    for one in copy.everything():
        before = 0
        for number, part in enumerate(one.parts):
            spans = secrets.find(part) if secrets.is_needed else ()
            places = _places(part, [*chain.from_iterable(spans), len(part)])
            one.spans += [
                [before + start, before + end]
                for start, end in zip(places[:-1:2], places[1::2], strict=True)
            ]
            before += places[-1]
            one.parts[number] = blanked(part, spans)


def inert_html(copy: Copy, *, about: str) -> bytes:
    """The copy as a file.

    Args:
        about: of what and when, for a remark at its beginning.
    """
    notes = [about, *(["cut off: there is more of the page"] if copy.is_cut else [])]
    remark = html.escape("; ".join(notes)).replace("--", "- -")
    text = f"<!-- {remark} -->{_joined(copy, MAX_BYTES)}"
    # Cut anywhere it holds nothing new: what is no whole tag is no tag.
    return text.encode("utf-8", "replace")[:MAX_BYTES]


def _joined(copy: Copy, room: int) -> str:
    room -= sum(map(len, copy.parts))
    found = [_HEAD]
    for part, frame in zip_longest(copy.parts, copy.frames):
        found.append(part or "")
        inner = html.escape(_joined(frame, room)) if frame else ""
        # Each frame around it escapes it once more, so it may have grown.
        if len(inner) <= room:
            room -= len(inner)
            found.append(inner)
    return "".join(found)


def _places(text: str, places: list[int]) -> list[int]:
    """Ascending places in a text as JavaScript counts them, in UTF-16."""
    if text.isascii():
        return places
    found, units, at = [], 0, 0
    for place in places:
        units += len(text[at:place].encode("utf-16-le", "surrogatepass")) // 2
        at = place
        found.append(units)
    return found
