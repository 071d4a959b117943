"""Values of elements of HTML and XML texts, found by CSS or XPath.

The function `read` is what runs in a short-lived process for large texts and for
XPath, whose work nothing else bounds; this module imports little for that.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cssselect import SelectorError
from lxml import etree

from apps.core.errors import PermanentFailure
from apps.steps.markup.css import CssFinder
from apps.steps.markup.parsing import parse, without_namespaces

MAX_ROWS = 100_000
MAX_CHARACTERS = 16 * 1024 * 1024
# Elements whose content is no text for people.
_SILENT = frozenset({"script", "style", "template", "noscript", "head"})
# Elements that stand on lines of their own, or in cells.
_APART = frozenset(
    re.findall(
        r"\w+",
        """address article aside blockquote br button caption dd details div dl dt
        fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr legend li
        main nav ol option p pre section select summary table tbody td tfoot th thead
        title tr ul""",
    )
)
_STRING = etree.XPath("string()")

Selector = tuple[str, str]  # kind (css or xpath) and text


class Wanted(NamedTuple):
    """One value of each row; without selectors it is the row itself.

    Attributes:
        fields: of an object that each element makes instead of a value; `Wanted` each,
            or what one is made of.
    """

    name: str
    selectors: tuple[Selector, ...]
    attribute: str
    many: bool
    fields: tuple[Any, ...] | None = None


def read(
    source: str,
    kind: str,
    namespaces: Mapping[str, str],
    place: tuple[Selector, ...],
    wanted: tuple[tuple[Any, ...], ...],
    many: bool,
) -> list[list[Any]]:
    """The wanted values of each row; a missing value is None.

    Args:
        kind: `html` or `xml`.
        place: finds the rows; without it the document is the one row.
        wanted: as `Wanted` is made of.
        many: whether all rows count, or the first alone.

    Raises:
        PermanentFailure: bad source, bad selector, too much.
    """
    root = parse(source, kind)
    if kind == "xml" and not namespaces:
        without_namespaces(root)
    reader = _Reader(root, kind, namespaces)
    rows = reader.find(root, place) if place else [root]
    if len(rows) > MAX_ROWS:
        raise PermanentFailure(f"More than {MAX_ROWS:,} rows.", code="too_many_rows")
    fields = [Wanted(*one) for one in wanted]
    chosen = rows if many else rows[:1]
    return [[reader.value(row, field) for field in fields] for row in chosen]


class _Reader:
    def __init__(
        self, root: etree._Element, kind: str, namespaces: Mapping[str, str]
    ) -> None:
        self._root = root
        self._is_html = kind == "html"
        self._namespaces = dict(namespaces) or None
        self._css = CssFinder(root, self._is_html, namespaces)
        self._xpaths: dict[str, etree.XPath] = {}
        self._left = MAX_CHARACTERS

    def find(self, root: Any, selectors: tuple[Selector, ...]) -> list[Any]:
        """What the first selector that finds something finds, below `root`."""
        for selector in selectors:
            found = self._query(root, selector)
            if found:
                return found
        return []

    def value(self, row: Any, field: Wanted) -> Any:
        """The field's value: the first, or a list of all."""
        if not field.selectors:
            found = [row]
        elif isinstance(row, etree._Element):
            found = self.find(row, field.selectors)
        else:
            found = []
        values = (self._made(item, field) for item in found)
        if field.many:
            return [value for value in values if value is not None]
        return next(values, None)

    def _made(self, item: Any, field: Wanted) -> Any:
        if field.fields is None:
            return self._of(item, field.attribute)
        inner = [Wanted(*one) for one in field.fields]
        return {one.name: self.value(item, one) for one in inner}

    def _query(self, within: Any, selector: Selector) -> list[Any]:
        kind, text = selector
        try:
            if kind == "css":
                return [*self._css.find(within, text)]
            found: Any = self._xpath(text, within is self._root)(within)
        except (SelectorError, etree.XPathError, RecursionError) as error:
            raise _invalid(selector, error) from error
        return found if isinstance(found, list) else [found]

    def _xpath(self, text: str, is_top: bool) -> etree.XPath:
        # Inside a row, `//td` would leave it.
        if text.startswith("//") and not is_top:
            text = "." + text
        if text not in self._xpaths:
            self._xpaths[text] = etree.XPath(text, namespaces=self._namespaces)
        return self._xpaths[text]

    def _of(self, item: Any, attribute: str) -> Any:
        value = self._value(item, attribute)
        if isinstance(value, str):
            self._left -= len(value)
            if self._left < 0:
                raise PermanentFailure(
                    f"More than {MAX_CHARACTERS // 1024**2} million characters.",
                    code="too_large",
                )
        return value

    def _value(self, item: Any, attribute: str) -> Any:
        if not isinstance(item, etree._Element):
            return _plain(item)
        if attribute == "text":
            return self._text(item)
        if attribute == "html":
            return _inside(item, "html" if self._is_html else "xml")
        return item.get(attribute)

    def _text(self, element: etree._Element) -> str:
        if not self._is_html:
            return str(_STRING(element)).strip()
        if element.tag in ("input", "textarea"):
            return element.get("value") or element.text or ""
        return " ".join("".join(_pieces(element)).split())


def _plain(item: Any) -> Any:
    """What an XPath gives that is no element: text, a number, yes or no."""
    if isinstance(item, bool):
        return item
    if isinstance(item, float):
        if item != item or item in (float("inf"), float("-inf")):
            return None
        return int(item) if item.is_integer() else item
    return str(item).strip()


def _pieces(element: etree._Element) -> Iterator[str]:
    """The text of an HTML element, with blanks where people see gaps."""
    walk = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        gap = " " if node.tag in _APART else ""
        if event == "start":
            if node.tag in _SILENT and node is not element:
                walk.skip_subtree()
            else:
                yield gap + (node.text or "")
        elif node is not element:
            yield gap + (node.tail or "")


def _inside(element: etree._Element, method: Any) -> str:
    """The markup inside an element."""
    inner = [element.text or ""]
    inner.extend(
        etree.tostring(child, encoding="unicode", method=method) for child in element
    )
    return "".join(inner)


def _invalid(selector: Selector, error: Exception) -> PermanentFailure:
    kind, text = selector
    name = "CSS" if kind == "css" else "XPath"
    return PermanentFailure(
        f"The selector `{text[:200]}` was read as {name}, and is none:"
        f" {str(error)[:200]}",
        code="invalid_selector",
    )
