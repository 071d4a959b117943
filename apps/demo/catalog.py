"""Made products and invoices for the pages that robots read from."""

from dataclasses import dataclass
from decimal import Decimal

PAGE_SIZE = 12


@dataclass(frozen=True)
class Product:
    """Something the shop sells; the price is in EUR."""

    sku: str
    name: str
    category: str
    price: Decimal
    stock: int
    description: str


@dataclass(frozen=True)
class Invoice:
    """A bill of a customer; the total is in EUR, `due` an ISO date."""

    number: str
    customer: str
    due: str
    total: Decimal
    is_overdue: bool


_GOODS = (
    ("DSK-001", "Oak standing desk, 160 cm", "Desks", "489.00", 7, "Two motors."),
    ("DSK-002", "Birch desk, 120 cm", "Desks", "219.90", 21, "Four drawers."),
    ("DSK-003", "Corner desk “Łódź”", "Desks", "319.00", 0, "Left or right."),
    ("DSK-004", "Folding desk", "Desks", "79.50", 64, "Folds to 8 cm."),
    ("CHR-001", "Mesh task chair", "Chairs", "189.00", 33, "Holds 130 kg."),
    ("CHR-002", "Saddle stool", "Chairs", "129.00", 12, "Five castors."),
    ("CHR-003", "Café chair, set of 2", "Chairs", "98.00", 40, "Stackable."),
    ("CHR-004", "Lounge chair “Ærø”", "Chairs", "749.00", 2, "Wool, gray."),
    ("LMP-001", "Desk lamp, 9 W", "Lamps", "39.95", 118, "Three tones of white."),
    ("LMP-002", "Floor lamp", "Lamps", "89.00", 15, "With dimmer."),
    ("LMP-003", "Clamp lamp", "Lamps", "24.99", 0, "Back in June."),
    ("LMP-004", "Daylight panel", "Lamps", "159.00", 9, "10,000 lux."),
    ("PAP-001", "Copy paper A4, 500 sheets", "Paper", "5.49", 900, "80 g/m²."),
    ("PAP-002", "Notebook, dotted", "Paper", "8.90", 230, "192 pages."),
    ("PAP-003", "Sticky notes, 12 pads", "Paper", "11.20", 75, "76 by 76 mm."),
    ("PAP-004", "Envelopes C5, 100", "Paper", "7.80", 310, "Self-sealing."),
    ("PEN-001", "Gel pen 0.5, black", "Pens", "1.80", 1200, "Refillable."),
    ("PEN-002", "Fountain pen “Crème”", "Pens", "64.00", 18, "Nib M."),
    ("PEN-003", "Highlighter, 6 colors", "Pens", "6.95", 140, "Chisel tip."),
    ("PEN-004", "Pencil HB, 12", "Pens", "3.60", 505, "Cedar."),
    ("TEC-001", "USB-C dock, 11 ports", "Tech", "139.00", 26, "100 W."),
    ("TEC-002", 'Monitor 27", 4K', "Tech", "379.00", 11, "USB-C, 65 W."),
    ("TEC-003", "Keyboard, low profile", "Tech", "84.00", 37, "ISO or ANSI."),
    ("TEC-004", "Webcam & light", "Tech", "59.00", 0, "1080p at 60 Hz."),
)

PRODUCTS: tuple[Product, ...] = tuple(
    Product(sku, name, category, Decimal(price), stock, description)
    for sku, name, category, price, stock, description in _GOODS
)
CATEGORIES: tuple[str, ...] = tuple(dict.fromkeys(item.category for item in PRODUCTS))

_BILLS = (
    ("2024-0007", "acme", "2024-01-15", "1240.50", True),
    ("2024-0011", "acme", "2024-02-01", "89.00", True),
    ("2024-0019", "acme", "2024-02-29", "310.00", True),
    ("2024-0042", "acme", "2099-12-31", "75.25", False),
    ("2024-0008", "bronte", "2024-01-20", "99.99", True),
    ("2024-0023", "bronte", "2024-03-10", "4800.00", True),
    ("2024-0044", "bronte", "2099-12-31", "12.00", False),
    ("2024-0031", "zabka", "2024-03-31", "100.01", True),
    ("2024-0045", "zabka", "2099-12-31", "560.70", False),
)

INVOICES: tuple[Invoice, ...] = tuple(
    Invoice(number, customer, due, Decimal(total), is_overdue)
    for number, customer, due, total, is_overdue in _BILLS
)
CUSTOMERS: tuple[str, ...] = tuple(dict.fromkeys(bill.customer for bill in INVOICES))


def products(category: str = "") -> list[Product]:
    """The products of `category`, or all of them."""
    return [item for item in PRODUCTS if category in ("", item.category)]


def product(sku: str) -> Product | None:
    """The product with this number, if the shop has it."""
    return next((item for item in PRODUCTS if item.sku == sku), None)


def invoices(customer: str = "") -> list[Invoice]:
    """The invoices of `customer`, or all of them."""
    return [bill for bill in INVOICES if customer in ("", bill.customer)]
