"""CSS selectors on a tree, in time that grows with the tree only.

Translated to one XPath, `a b c` makes libxml2 build and merge overlapping sets, which
takes minutes in a deep document of 80 KiB. So the parts between the combinators are
looked for one by one, and put together by walking over the tree.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cssselect import (
    ExpressionError,
    GenericTranslator,
    HTMLTranslator,
    SelectorError,
    parse,
)
from cssselect.parser import CombinedSelector, Tree
from lxml import etree

Elements = list[etree._Element]
Relation = Callable[[etree._Element], bool]
MAX_PARTS = 50


class CssFinder:
    """Answers CSS selectors on one tree, which must not change meanwhile."""

    def __init__(
        self, root: etree._Element, is_html: bool, namespaces: Mapping[str, str]
    ) -> None:
        self._root = root
        # Keeps the elements alive, so that each is one object throughout.
        self._all: Elements = list(root.iter(etree.Element))
        self._namespaces = dict(namespaces) or None
        self._translator = HTMLTranslator() if is_html else GenericTranslator()
        self._known: dict[str, dict[etree._Element, None]] = {}

    def find(self, within: etree._Element, selector: str) -> Elements:
        """The elements below `within` that the selector fits, in their order.

        Raises:
            SelectorError, XPathError: it is no selector that we know.
        """
        if selector not in self._known:
            self._known[selector] = dict.fromkeys(self._match(selector))
        found = self._known[selector]
        if within is self._root:
            return list(found)
        below = within.iterdescendants(etree.Element)
        return [element for element in below if element in found]

    def _match(self, selector: str) -> Elements:
        alternatives = parse(selector)
        if any(one.pseudo_element for one in alternatives):
            raise ExpressionError("pseudo-elements such as ::before are no elements")
        found: set[etree._Element] = set()
        for one in alternatives:
            found.update(self._match_one(one.parsed_tree))
        return [element for element in self._all if element in found]

    def _match_one(self, tree: Tree) -> Elements:
        parts: list[tuple[str, Tree]] = []
        while isinstance(tree, CombinedSelector):
            parts.append((tree.combinator, tree.subselector))
            tree = tree.selector
        if len(parts) >= MAX_PARTS:
            raise SelectorError(f"it has more than {MAX_PARTS} parts")
        found = self._compound(tree)
        for combinator, subselector in reversed(parts):
            fits = _RELATIONS[combinator](frozenset(found))
            found = [one for one in self._compound(subselector) if fits(one)]
        return found

    def _compound(self, tree: Tree) -> Elements:
        """A part without combinators, on the whole tree."""
        text = f"descendant-or-self::{self._translator.xpath(tree)}"
        found: Any = etree.XPath(text, namespaces=self._namespaces)(self._root)
        return list(found)


def _below(found: frozenset[etree._Element]) -> Relation:
    return _remembered(lambda one: one.getparent(), found)


def _after(found: frozenset[etree._Element]) -> Relation:
    return _remembered(_before, found)


def _before(element: etree._Element) -> etree._Element | None:
    """The element's next older sibling that is an element."""
    return next(element.itersiblings(etree.Element, preceding=True), None)


def _remembered(
    step: Callable[[etree._Element], etree._Element | None],
    found: frozenset[etree._Element],
) -> Relation:
    """Whether going on by `step` ever meets one of `found`; each way is gone once."""
    known: dict[etree._Element | None, bool] = {None: False}

    def fits(element: etree._Element) -> bool:
        way: Elements = []
        at: etree._Element | None = element
        while at not in known and at is not None:
            way.append(at)
            at = step(at)
            if at in found:
                known.update(dict.fromkeys(way, True))
                return True
        known.update(dict.fromkeys(way, known[at]))
        return known[element]

    return fits


_RELATIONS: dict[str, Callable[[frozenset[etree._Element]], Relation]] = {
    " ": _below,
    ">": lambda found: lambda element: element.getparent() in found,
    "+": lambda found: lambda element: _before(element) in found,
    "~": _after,
}
