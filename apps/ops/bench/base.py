"""What a benchmark is, and how it is found by its name."""

import argparse
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from apps.ops import bench
from apps.ops.devstack.errors import StackError

Say = Callable[[str], None]
"""Tells a person how far it is; never on standard output."""

Result = dict[str, Any]
"""What is printed as JSON."""


class BenchError(StackError):
    """A benchmark cannot run or its work went wrong; the message says why."""


class UnknownBenchmark(BenchError):
    """No benchmark has the name."""


class Benchmark(ABC):
    """One benchmark.

    Attributes:
        summary: one line for `--help`.
    """

    summary: str

    @abstractmethod
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its own options, beside `--json`."""

    @abstractmethod
    def run(self, options: argparse.Namespace, say: Say) -> Result:
        """Measure; whatever it started has ended when this returns or raises.

        A result with a true `failed` makes the command's exit code 1.

        Raises:
            StackError: it cannot run.
        """

    @abstractmethod
    def show(self, result: Mapping[str, Any], console: Console) -> None:
        """Print the result for people."""


def names() -> list[str]:
    """All benchmarks."""
    return sorted(name for name in _modules() if _load(name) is not None)


def find(name: str) -> Benchmark:
    """The benchmark of this name.

    Raises:
        UnknownBenchmark: there is none.
    """
    found = _load(name) if name in _modules() else None
    if found is None:
        known = ", ".join(names())
        raise UnknownBenchmark(f"there is no benchmark {name!r}. There are: {known}.")
    return found


def _modules() -> set[str]:
    """The modules of this package, without its packages: those may need Django."""
    found = pkgutil.iter_modules(bench.__path__)
    return {module.name for module in found if not module.ispkg}


def _load(name: str) -> Benchmark | None:
    module = importlib.import_module(f"{bench.__name__}.{name}")
    found = getattr(module, "BENCHMARK", None)
    return found if isinstance(found, Benchmark) else None
