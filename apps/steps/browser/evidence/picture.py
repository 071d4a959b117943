"""A picture of what is in view, with black where secrets stand."""

import base64
import io
from collections.abc import Iterable
from typing import NamedTuple

from apps.steps.browser.evidence.copies import Copy
from apps.steps.browser.evidence.sandbox import NoAnswer, Sandbox

_MOST_SPANS = 5_000


class Box(NamedTuple):
    """A part of the page in view, in CSS pixels."""

    x: float
    y: float
    width: float
    height: float


def picture(sandbox: Sandbox, copy: Copy, *, has_secrets: bool) -> bytes | None:
    """A PNG in which private fields and all that shows a secret are black.

    None for a page so large that nobody can tell where secrets stand in it.

    Args:
        copy: of the page, its secrets found.

    Raises:
        NoAnswer: the page does not answer, or is another one now.
    """
    if has_secrets and any(is_too_much(one) for one in copy.everything()):
        return None
    before, width = _hidden(sandbox, copy, has_secrets)
    taken = sandbox.command("browsingContext.captureScreenshot", context=copy.context)
    # It may have scrolled meanwhile.
    after, _ = _hidden(sandbox, copy, has_secrets)
    png = base64.b64decode(str(taken["data"]))
    return _blackened(png, {*before, *after}, width)


def is_too_much(copy: Copy) -> bool:
    """Whether nobody can tell where secrets stand in what was copied."""
    return copy.is_cut or len(copy.spans) > _MOST_SPANS


def _hidden(
    sandbox: Sandbox, copy: Copy, has_secrets: bool, x: float = 0, y: float = 0
) -> tuple[list[Box], float]:
    """What is to be black, and how wide the view is.

    Args:
        x, y: where the document's own corner stands in the page's view.
    """
    found = sandbox.ask(copy.context, "evidence.boxes", copy.spans)
    boxes = [Box(x + b[0], y + b[1], b[2], b[3]) for b in found["hidden"]]
    for frame, b in zip(copy.frames, found["frames"], strict=False):
        place = Box(x + b[0], y + b[1], b[2], b[3])
        boxes += _hidden_in_frame(sandbox, frame, has_secrets, place)
    return boxes, float(found["width"])


def _hidden_in_frame(
    sandbox: Sandbox, frame: Copy | None, has_secrets: bool, place: Box
) -> list[Box]:
    if frame is not None:
        try:
            return _hidden(sandbox, frame, has_secrets, place.x, place.y)[0]
        except NoAnswer:
            pass
    # Nobody knows what stands there.
    return [place] if has_secrets else []


def _blackened(png: bytes, boxes: Iterable[Box], width: float) -> bytes:
    visible = [box for box in boxes if box.width > 0 and box.height > 0]
    if not visible:
        return png
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
    scale = image.width / width if width else 1.0
    draw = ImageDraw.Draw(image)
    for box in visible:
        left, top = box.x * scale - 1, box.y * scale - 1
        right = left + box.width * scale + 2
        draw.rectangle((left, top, right, top + box.height * scale + 2), fill="black")
    kept = io.BytesIO()
    image.save(kept, "PNG", compress_level=3)
    return kept.getvalue()
