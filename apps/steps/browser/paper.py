"""How printed pages look."""

from typing import Literal, NamedTuple

from apps.core.errors import PermanentFailure

Paper = Literal["A3", "A4", "A5", "Letter", "Legal"]
MAX_PDF_BYTES = 64 * 1024 * 1024
_PAPERS_MM: dict[str, tuple[float, float]] = {
    "A3": (297, 420),
    "A4": (210, 297),
    "A5": (148, 210),
    "Letter": (215.9, 279.4),
    "Legal": (215.9, 355.6),
}


class PrintOptions(NamedTuple):
    """How the paper looks.

    Attributes:
        margin_mm: on each side.
        header, footer: HTML at the top and bottom of each page; elements of the class
            `pageNumber`, `totalPages`, `title` or `date` are filled in.
    """

    paper: Paper = "A4"
    is_landscape: bool = False
    margin_mm: float = 15.0
    scale: float = 1.0
    has_background: bool = True
    header: str | None = None
    footer: str | None = None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height, upright."""
        return _PAPERS_MM[self.paper]


def too_large() -> PermanentFailure:
    """The failure of a document that is larger than any should be."""
    message = f"The PDF has more than {MAX_PDF_BYTES // 1024**2} MiB."
    return PermanentFailure(message, code="too_large")
