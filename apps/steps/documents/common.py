"""What the steps for documents have in common."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from apps.core.types import JsonObject
from apps.steps.context import StepContext
from apps.steps.files.content import FilePath
from apps.steps.pdf.pages import checked_pages

MEMORY_BYTES = 768 * 1024 * 1024
SECONDS = 120.0


def _pdf(path: str) -> str:
    if not path.lower().endswith(".pdf"):
        raise ValueError("must end in .pdf")
    return path


Pages = Annotated[
    str, StringConstraints(max_length=1000), AfterValidator(checked_pages)
]
PdfPath = Annotated[FilePath, AfterValidator(_pdf)]


def password_field() -> SecretStr | None:
    """The param `password` of a document."""
    field: SecretStr | None = Field(
        default=None, description="Of a protected document; take it from a secret."
    )
    return field


def revealed(password: SecretStr | None) -> str | None:
    """The password as the libraries take it."""
    return None if password is None else password.get_secret_value()


def warn_all(ctx: StepContext, facts: JsonObject) -> JsonObject:
    """The facts without their `warnings`, which go to the step's record."""
    for warning in facts.pop("warnings"):
        ctx.warn(warning)
    return facts
