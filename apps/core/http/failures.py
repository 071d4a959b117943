"""Turns what goes wrong on the wire into the platform's errors."""

import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

from apps.core.errors import PermanentFailure, RpaError, TemporaryFailure
from apps.core.http.limits import Deadline


def as_failure(error: OSError | HTTPException, deadline: Deadline) -> RpaError:
    """The error to raise instead: certificates and nonsense are for good, the rest
    may work later."""
    if isinstance(error, TimeoutError):
        return deadline.exceeded()
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"The server's certificate is not trusted: {error.verify_message}."
        return PermanentFailure(message, code="tls_failed")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _lost("The server ended the connection.")
    if isinstance(error, ssl.SSLError):
        message = f"No secure connection is possible: {error.reason}."
        return PermanentFailure(message, code="tls_failed")
    if isinstance(error, RemoteDisconnected):
        return _lost("The server ended the connection before it had answered.")
    if isinstance(error, IncompleteRead):
        return _lost("The answer ended before it was complete.")
    if isinstance(error, OSError):
        return _lost(f"The connection broke: {error.strerror or type(error).__name__}.")
    message = f"The server does not speak HTTP ({type(error).__name__})."
    return PermanentFailure(message, code="bad_response")


def _lost(message: str) -> TemporaryFailure:
    return TemporaryFailure(message, code="connection_failed")
