"""PDF documents for tests, good and hostile ones."""

import io
import zlib
from collections.abc import Mapping
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)


def document(*texts: str, info: Mapping[str, str] | None = None) -> bytes:
    """A document with one line of text on each page."""
    return drawn(*[_text(72, 720, text) for text in texts], info=info)


def drawn(*contents: str, info: Mapping[str, str] | None = None) -> bytes:
    """A document with these content streams, one for each page."""
    writer = PdfWriter()
    for content in contents:
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): _font()})}
        )
        stream = DecodedStreamObject()
        stream.set_data(content.encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
    if info:
        writer.add_metadata({f"/{name}": value for name, value in info.items()})
    return saved(writer)


def table(rows: list[list[str]]) -> str:
    """The content stream of a page with a table in lines."""
    parts = []
    for at, row in enumerate(rows):
        top = 700 - 20 * at
        for column, text in enumerate(row):
            left = 72 + 100 * column
            parts.append(f"{left} {top - 20} 100 20 re S")
            parts.append(_text(left + 4, top - 14, text))
    return "\n".join(parts)


def locked(content: bytes, password: str, owner: str | None = None) -> bytes:
    """The document, protected by a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt(password, owner_password=owner, algorithm="AES-256")
    return saved(writer)


def form() -> bytes:
    """A form with the fields `name`, `code`, `agreed`, `colour` and `sign`."""
    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    resources = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/Helv"): _font()})}
    )
    fields = [
        _field("name", "/Tx", 700),
        _field("code", "/Tx", 660, {"/MaxLen": NumberObject(4)}),
        _field("agreed", "/Btn", 620, _box(writer)),
        _field("colour", "/Ch", 580, {"/Opt": _texts("red", "green")}),
        _field("sign", "/Sig", 540),
    ]
    references = ArrayObject(writer._add_object(field) for field in fields)
    page[NameObject("/Annots")] = references
    writer._root_object[NameObject("/AcroForm")] = DictionaryObject(
        {
            NameObject("/Fields"): references,
            NameObject("/DR"): resources,
            NameObject("/DA"): TextStringObject("/Helv 12 Tf 0 g"),
        }
    )
    return saved(writer)


def bomb() -> bytes:
    """A page whose content unpacks to far more than it takes."""
    packed = zlib.compress(zlib.compress(bytes(2**20) * 300, 9), 9)
    head = f"<</Filter[/FlateDecode/FlateDecode]/Length {len(packed)}>>stream\n"
    return by_hand(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        head.encode() + packed + b"\nendstream",
    )


def many_pages(levels: int) -> bytes:
    """A few objects that stand for two to the power of `levels` pages."""
    nodes = [
        f"<</Type/Pages/Kids[{at} 0 R {at} 0 R]/Count {2**levels}>>".encode()
        for at in range(3, levels + 3)
    ]
    page = b"<</Type/Page/MediaBox[0 0 9 9]>>"
    return by_hand(b"<</Type/Catalog/Pages 2 0 R>>", *nodes, page)


def by_hand(*objects: bytes) -> bytes:
    """A document of these objects, numbered from 1; the first is its root."""
    content, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj " % number + body + b" endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    tail = f"trailer<</Root 1 0 R/Size {len(objects) + 1}>>\nstartxref\n{len(content)}"
    return content + f"{head}{tail}\n%%EOF\n".encode()


def saved(writer: PdfWriter) -> bytes:
    """The bytes of a document."""
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _text(left: int, top: int, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F1 12 Tf {left} {top} Td ({escaped}) Tj ET"


def _font() -> DictionaryObject:
    names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    names["/Encoding"] = "/WinAnsiEncoding"
    return DictionaryObject({NameObject(k): NameObject(v) for k, v in names.items()})


def _texts(*texts: str) -> ArrayObject:
    return ArrayObject(TextStringObject(text) for text in texts)


def _field(
    name: str, kind: str, top: int, more: Mapping[str, Any] | None = None
) -> DictionaryObject:
    entries: dict[str, Any] = {
        "/Type": NameObject("/Annot"),
        "/Subtype": NameObject("/Widget"),
        "/FT": NameObject(kind),
        "/T": TextStringObject(name),
        "/F": NumberObject(4),
        "/Rect": ArrayObject(FloatObject(n) for n in (72, top, 272, top + 20)),
        "/DA": TextStringObject("/Helv 12 Tf 0 g"),
    }
    entries |= more or {}
    return DictionaryObject({NameObject(k): v for k, v in entries.items()})


def _box(writer: PdfWriter) -> dict[str, Any]:
    """What a check box has more: how it looks when it is on, and when it is off."""
    looks = DictionaryObject()
    for state in ("/Yes", "/Off"):
        stream = DecodedStreamObject()
        stream.set_data(b"0 0 10 10 re f" if state == "/Yes" else b"")
        stream[NameObject("/Subtype")] = NameObject("/Form")
        stream[NameObject("/BBox")] = ArrayObject(NumberObject(n) for n in (0, 0, 9, 9))
        looks[NameObject(state)] = writer._add_object(stream)
    appearance = DictionaryObject({NameObject("/N"): looks})
    return {"/AP": appearance, "/AS": NameObject("/Off"), "/V": NameObject("/Off")}
