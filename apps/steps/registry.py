"""Finds the step types: every module below `apps/steps/<group>/`.

File name = registered name. Two classes of one name stop the start.
"""

import importlib
import pkgutil
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from apps.steps.base import AnyStepType

GROUPS = ("logic", "data", "http", "messaging", "files", "documents", "browser")

_types: dict[str, AnyStepType] = {}
_modules: dict[str, str] = {}
_T = TypeVar("_T", bound=AnyStepType)


class DuplicateStepType(Exception):
    """Two classes want the same name."""


def register(name: str) -> Callable[[type[_T]], type[_T]]:
    """Class decorator: makes the class known as step type `name`."""

    def decorate(cls: type[_T]) -> type[_T]:
        if name in _types:
            raise DuplicateStepType(f"{name}: {cls.__module__} and {_modules[name]}")
        cls.name = name
        cls.group = cls.__module__.split(".")[-2]
        _types[name] = cls()
        _modules[name] = cls.__module__
        return cls

    return decorate


def load() -> None:
    """Import every module of the step library; safe to call again."""
    here = Path(__file__).parent
    for group in GROUPS:
        for module in pkgutil.iter_modules([str(here / group)]):
            importlib.import_module(f"apps.steps.{group}.{module.name}")


def find(name: str) -> AnyStepType | None:
    """The step type of that name, if there is one."""
    return _types.get(name)


def near_misses(name: str) -> list[str]:
    """Names that look like `name`, best first."""
    return get_close_matches(name.lower(), _types, n=3)


def all_types() -> list[AnyStepType]:
    """Every step type, by group and name."""
    return sorted(_types.values(), key=lambda t: (GROUPS.index(t.group), t.name))
