"""The functions, filters and tests themselves; importing them fills the registry."""

from apps.core.expressions.library import (
    chance,
    conversion,
    dates,
    encoding,
    lists,
    mappings,
    numbers,
    patterns,
    queries,
    selection,
    tests,
    texts,
)

__all__ = [
    "chance",
    "conversion",
    "dates",
    "encoding",
    "lists",
    "mappings",
    "numbers",
    "patterns",
    "queries",
    "selection",
    "tests",
    "texts",
]
