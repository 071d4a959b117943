"""The one HTTP client of the platform."""

from apps.core.http.client import HttpClient, StreamedResponse
from apps.core.http.outcome import raise_for_outcome
from apps.core.http.response import Hop, Response

__all__ = ["Hop", "HttpClient", "Response", "StreamedResponse", "raise_for_outcome"]
