"""Opens PDF files, and says what is wrong with those that cannot be used."""

import contextlib
import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.core.errors import PermanentFailure
from apps.steps.sheets.reading import DAMAGE

if TYPE_CHECKING:
    from pypdf import PdfReader

# The signature may stand behind a few bytes of something else.
_HEAD_BYTES = 1024


def open_pdf(path: str, password: str | None) -> "PdfReader":
    """The document, opened with the password if it has one.

    Raises:
        PermanentFailure: `not_pdf`, `encrypted` or `wrong_password`.
    """
    from pypdf import PasswordType, PdfReader

    with open(path, "rb") as file:
        if b"%PDF-" not in file.read(_HEAD_BYTES):
            raise not_pdf("it does not begin like one")
    reader = PdfReader(path)
    if not reader.is_encrypted:
        return reader
    # Many documents have a password for changes only, and open with an empty one.
    if reader.decrypt(password or "") is PasswordType.NOT_DECRYPTED:
        raise _locked(password)
    return reader


@contextlib.contextmanager
def naming_damage() -> Iterator[None]:
    """Turns what a damaged or hostile file makes the libraries raise into our errors.

    Raises:
        PermanentFailure: `not_pdf`, `encrypted` or `too_large`.
    """
    from pypdf.errors import FileNotDecryptedError, LimitReachedError, PyPdfError

    try:
        yield
    except PermanentFailure:
        raise
    except FileNotDecryptedError as error:
        raise _locked(None) from error
    except LimitReachedError as error:
        raise _too_large("unpacks to more than is taken") from error
    except RecursionError:
        raise not_pdf("it is nested too deep") from None
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _too_large("would become larger than a file may be") from error
        raise not_pdf("it is damaged (OSError)") from error
    except (PyPdfError, AssertionError, *DAMAGE) as error:
        raise not_pdf(f"it is damaged ({type(error).__name__})") from error


def not_pdf(reason: str) -> PermanentFailure:
    """The error for a file that is no PDF document."""
    return PermanentFailure(f"The file is no usable PDF: {reason}.", code="not_pdf")


def _too_large(what: str) -> PermanentFailure:
    return PermanentFailure(f"The PDF {what}.", code="too_large")


def _locked(password: str | None) -> PermanentFailure:
    if password is None:
        return PermanentFailure(
            "The PDF is protected by a password: give `password`.", code="encrypted"
        )
    return PermanentFailure(
        "The password does not open the PDF.", code="wrong_password"
    )
