"""Fills templates of people with data; runs in a process of its own.

Templates are Jinja2's, in its sandbox, with all that would switch escaping off taken
out: whatever the data hold, they come out as text.
"""

from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import (
    SecurityError,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from apps.core.errors import PermanentFailure
from apps.core.types import Json, JsonObject

MAX_TEMPLATE = 1024 * 1024
MAX_HTML = 16 * 1024 * 1024
_BUILT_IN = Path(__file__).with_name("report.html")
# They give text that counts as HTML already, whatever is in it.
_UNSAFE_FILTERS = ("safe", "tojson", "urlize", "xmlattr")
_UNSAFE_NODES = (
    nodes.EvalContextModifier,
    nodes.MarkSafe,
    nodes.MarkSafeIfAutoescape,
)
_GLOBALS = frozenset({"range", "dict", "cycler", "joiner", "namespace"})


def render(template: str | None, data: JsonObject) -> str:
    """The HTML of a report.

    Args:
        template: its text; the built-in one without it.
        data: the names that the template knows.

    Raises:
        PermanentFailure: `invalid_template`, `template_refused`, `unknown_name`,
            `template_failed` or `html_too_large`.
    """
    source = _BUILT_IN.read_text(encoding="utf-8") if template is None else template
    environment = _environment()
    try:
        _check(environment, source)
        html = _bounded(environment.from_string(source).generate(**data))
    except PermanentFailure:
        raise
    except TemplateSyntaxError as error:
        message = f"Line {error.lineno} of the template: {error.message}."
        raise PermanentFailure(
            message, code="invalid_template", line=error.lineno
        ) from error
    except SecurityError as error:
        message = f"The template does what none may: {error}."
        raise PermanentFailure(message, code="template_refused") from error
    except UndefinedError as error:
        message = f"The template wants what is not there: {error}."
        raise PermanentFailure(message, code="unknown_name") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TemplateError,
        TypeError,
        ValueError,
    ) as error:
        message = f"The template failed: {type(error).__name__}: {error}."
        raise PermanentFailure(message[:1000], code="template_failed") from error
    return html


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, loader=None, cache_size=0
    )
    for name in _UNSAFE_FILTERS:
        environment.filters.pop(name, None)
    environment.filters["number"] = number
    environment.tests["list"] = lambda value: isinstance(value, list)
    for name in set(environment.globals) - _GLOBALS:
        del environment.globals[name]
    return environment


def _check(environment: ImmutableSandboxedEnvironment, source: str) -> None:
    """Refuse what would switch escaping off, or read other templates."""
    tree = environment.parse(source)
    for node in tree.find_all((*_UNSAFE_NODES, nodes.ScopedEvalContextModifier)):
        raise PermanentFailure(
            f"Line {node.lineno} of the template switches escaping off or on; it is "
            "always on.",
            code="template_refused",
        )
    others = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for node in tree.find_all(others):
        raise PermanentFailure(
            f"Line {node.lineno} of the template reads another one; a report has one "
            "only.",
            code="template_refused",
        )


def _bounded(pieces: Any) -> str:
    html: list[str] = []
    left = MAX_HTML
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise PermanentFailure(
                f"The report has more than {MAX_HTML // 1024**2} MiB.",
                code="html_too_large",
            )
        html.append(piece)
    return "".join(html)


def number(
    value: Json, decimals: int = 2, thousands: str = ",", point: str = "."
) -> str:
    """A number as people read it, such as `1,234.50`."""
    text = f"{float(value):,.{max(0, min(int(decimals), 15))}f}"
    whole, _, rest = text.partition(".")
    whole = whole.replace(",", str(thousands)[:5])
    return f"{whole}{str(point)[:5]}{rest}" if rest else whole
