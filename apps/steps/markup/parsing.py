"""HTML and XML text to a tree, without anything that reaches out of the text.

No document types, no entities of their own, no network. This module is loaded in
short-lived processes, so it imports little.
"""

import re

from lxml import etree, html

from apps.core.errors import PermanentFailure

MAX_BYTES = 16 * 1024 * 1024
_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_TAG = re.compile(r"<[A-Za-z!/?][^<>]*>")
_HTML = re.compile(r"<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)


def kind_of(source: str) -> str:
    """`html`, `xml` or `text`, whatever the source looks like."""
    if _DECLARATION.match(source) and not _HTML.search(source, 0, 2000):
        return "xml"
    return "html" if _TAG.search(source) else "text"


def parse(source: str, kind: str) -> etree._Element:
    """The root of the tree.

    Args:
        kind: `html` or `xml`.

    Raises:
        PermanentFailure: empty, too large, too deep, not well-formed XML, or XML
            with a document type.
    """
    content = source.encode("utf-8", "replace")
    if len(content) > MAX_BYTES:
        raise PermanentFailure(
            f"The source is larger than {MAX_BYTES // 1024**2} MiB.", code="too_large"
        )
    if not source.strip():
        raise PermanentFailure("The source is empty.", code="empty_source")
    return _xml(source) if kind == "xml" else _html(content)


def _html(content: bytes) -> etree._Element:
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        root = html.document_fromstring(content, parser=parser)
    except etree.ParserError as error:
        raise PermanentFailure(
            "The source holds no HTML elements.", code="empty_source"
        ) from error
    # The parser leaves the rest out in silence.
    limits = etree.ErrorTypes.ERR_RESOURCE_LIMIT
    if any(entry.type == limits for entry in parser.error_log):
        raise PermanentFailure("The HTML is nested too deep.", code="too_deep")
    return root


def _xml(source: str) -> etree._Element:
    _refuse_document_type(source)
    # The text is UTF-8 now, whatever it says about itself.
    content = _DECLARATION.sub("", source, count=1).encode("utf-8", "replace")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise PermanentFailure(
            f"The source is not well-formed XML: {error.msg}.", code="not_xml"
        ) from error


def _refuse_document_type(source: str) -> None:
    """Only in a document type can entities be made that grow or reach out."""
    at = 0
    while match := _PROLOG.match(source, at):
        at = match.end()
    if source.startswith("<!DOCTYPE", at):
        raise PermanentFailure(
            "XML with a document type (<!DOCTYPE …>) is refused.",
            code="doctype_refused",
        )


def without_namespaces(root: etree._Element) -> None:
    """Take the namespaces off all names, so that plain names find them."""
    for element in root.iter(etree.Element):
        if isinstance(element.tag, str) and element.tag.startswith("{"):
            element.tag = element.tag.partition("}")[2]
    etree.cleanup_namespaces(root)
