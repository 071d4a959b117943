"""Which pages of a document are meant."""

import re

from apps.core.errors import PermanentFailure

MAX_SPANS = 200
_SPAN = re.compile(r"([1-9]\d{0,5})(?:\s*(-)\s*([1-9]\d{0,5})?)?", re.ASCII)


def checked_pages(text: str) -> str:
    """The text, once it is a list of pages such as `1-3, 5, 8-`.

    Raises:
        ValueError: it is none.
    """
    spans = text.split(",")
    if len(spans) > MAX_SPANS:
        raise ValueError(f"at most {MAX_SPANS} spans of pages")
    for span in spans:
        match = _SPAN.fullmatch(span.strip())
        if match is None or (match[3] and int(match[3]) < int(match[1])):
            raise ValueError("must be pages such as `1-3, 5, 8-`")
    return text


def chosen_pages(text: str | None, count: int) -> list[int]:
    """The pages in the order given, counted from 0; all without a text.

    Args:
        count: how many pages there are.

    Raises:
        PermanentFailure: `page_not_found`.
    """
    if text is None:
        return list(range(count))
    chosen: list[int] = []
    for span in checked_pages(text).split(","):
        match = _SPAN.fullmatch(span.strip())
        first = int(match[1]) if match else 0
        last = count if match and match[2] else first
        if match and match[3]:
            last = int(match[3])
        if max(first, last) > count:
            raise PermanentFailure(
                f"There is no page {max(first, last)}: the document has {count}.",
                code="page_not_found",
                pages=count,
            )
        chosen.extend(range(first - 1, last))
    return chosen
