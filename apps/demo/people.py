"""Ten made people with awkward but real values, and the Excel file of them."""

import datetime
import io
from functools import lru_cache
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

COLUMNS = (
    "First name",
    "Last name",
    "Company",
    "Role",
    "Address",
    "E-mail",
    "Phone",
)

# Accents, apostrophes, quotes, leading zeros and plus signs, markup, braces, other
# scripts and long words: what breaks robots that guess instead of copying.
PEOPLE: tuple[tuple[str, ...], ...] = (
    (
        "Zoë",
        "O'Connor-Müller",
        "Brontë & Søn",
        "Buyer",
        "12 Main Street, Springfield, IL 62701",
        "zoe.oconnor@example.com",
        "+1 217 555 0142",
    ),
    (
        "Łukasz",
        "Wójcik",
        "Żabka Transport Sp. z o.o.",
        "Fleet manager",
        "ul. Świętokrzyska 7/12, 00-044 Warszawa",
        "lukasz.wojcik@example.org",
        "0048 22 555 01 09",
    ),
    (
        'Robert "Bob"',
        "D'Angelo",
        "AT&C Partners",
        "Head of R&D",
        "1 Infinite Way #0042, Reno, NV 89501",
        "bob+invoices@example.com",
        "(775) 555-0100",
    ),
    (
        "María José",
        "Núñez de la Peña",
        "Panadería El Trigo, S.L.",
        "Gerente",
        "C/ del Príncipe, 3, 2.º izq., 28012 Madrid",
        "mj.nunez@example.es",
        "+34 910 555 007",
    ),
    (
        "Hubert",
        "Wolfeschlegelsteinhausenbergerdorff",
        "Donaudampfschifffahrtsgesellschaft mbH",
        "Rindfleischetikettierungsüberwachungsbeauftragter",
        "Straße des 17. Juni 135, 01067 Dresden",
        "hubert.w@sehr-langer-name-einer-abteilung.example.de",
        "0351 5550123",
    ),
    (
        "花子",
        "山田",
        "株式会社サンプル",
        "課長",
        "東京都千代田区丸の内1-1-1",
        "hanako.yamada@example.jp",
        "03-5550-0199",
    ),
    (
        "Siân",
        "Ap Rhys",
        "<Angle> Brackets Ltd",
        "Cyfarwyddwr",
        "Flat 0, 007 High St., Llanfairpwllgwyngyll LL61 5UJ",
        "sian_ap-rhys@example.co.uk",
        "07700 900123",
    ),
    (
        "Nguyễn",
        "Thị Minh Khai",
        "Curly {{ braces }} Studio",
        "Senior Designer (UI/UX)",
        "268 Lý Thường Kiệt, P.14, Q.10, TP.HCM",
        "khai.ntm@example.vn",
        "+84 28 5550 0123",
    ),
    (
        "Ανδρέας",
        "Παπαδόπουλος",
        "100% Olive = Life A.E.",
        "=Chief, sales",
        "Λεωφ. Αλεξάνδρας 192, 115 22 Αθήνα",
        "a.papadopoulos@example.gr",
        "+30 210 555 0000",
    ),
    (
        "Ng",
        "Null",
        "0815 Services",
        "true",
        "P.O. Box 000, 02134-0001 Boston, MA",
        "n.null@example.net",
        "000555000",
    ),
)

_MADE = datetime.datetime(2024, 1, 1)  # noqa: DTZ001 - openpyxl takes naive UTC
_ZIP_DATE = (2024, 1, 1, 0, 0, 0)


def person(number: int) -> dict[str, str]:
    """The values of row `number` of the file (from 1), by column."""
    return dict(zip(COLUMNS, PEOPLE[number - 1], strict=True))


def _workbook() -> Workbook:
    workbook = Workbook()
    # openpyxl puts the current time there, and the file shall be the same each time.
    workbook.properties.created = workbook.properties.modified = _MADE
    sheet = workbook.worksheets[0]
    sheet.title = "People"
    sheet.append(COLUMNS)
    for row, values in enumerate(PEOPLE, start=2):
        for column, value in enumerate(values, start=1):
            # Set by type: "=Chief, sales" is a text here and no formula.
            cell = sheet.cell(row=row, column=column, value=value)
            cell.data_type = "s"
            cell.number_format = "@"
    for column in range(1, len(COLUMNS) + 1):
        sheet.cell(row=1, column=column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = 26
    sheet.freeze_panes = "A2"
    return workbook


@lru_cache(maxsize=1)
def people_xlsx() -> bytes:
    """The Excel file: a header row and ten rows; the same bytes every time."""
    written = io.BytesIO()
    ExcelWriter(_workbook(), ZipFile(written, "w", ZIP_DEFLATED)).save()
    fixed = io.BytesIO()
    with ZipFile(written) as source, ZipFile(fixed, "w") as target:
        for name in source.namelist():
            entry = ZipInfo(name, date_time=_ZIP_DATE)
            target.writestr(entry, source.read(name), compress_type=ZIP_DEFLATED)
    return fixed.getvalue()
