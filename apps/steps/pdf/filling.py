"""Fills the forms in PDF files."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.core.errors import PermanentFailure
from apps.core.text import did_you_mean
from apps.core.types import Json, JsonObject
from apps.steps.pdf.opening import naming_damage, open_pdf

if TYPE_CHECKING:
    from pypdf import PdfWriter

# Bits of a field's `/Ff`.
_MANY = 1 << 21
_EDITABLE = 1 << 18
_PUSH = 1 << 16


def fill_form(
    path: str,
    target: str,
    values: Mapping[str, Json],
    flatten: bool,
    password: str | None,
) -> JsonObject:
    """Write the document with its form filled in to the file `target`.

    Args:
        values: by name of the field: texts, numbers, yes or no, lists of choices.
        flatten: make what was filled in a part of the page.

    Returns: `{filled, warnings}`.

    Raises:
        PermanentFailure: `not_pdf`, `encrypted`, `wrong_password`, `no_form`,
            `unknown_field`, `bad_value` or `too_large`.
    """
    from pypdf import PdfWriter

    warnings: list[str] = []
    with naming_damage():
        reader = open_pdf(path, password)
        fields = reader.get_fields() or {}
        if not fields:
            raise PermanentFailure("The PDF has no form to fill.", code="no_form")
        filled = {name: _checked(fields, name, values[name]) for name in values}
        # As a context manager, the writer would begin with nothing.
        writer = PdfWriter(clone_from=reader)
        _drop_xfa(writer, warnings)
        if flatten:
            filled = _kept(fields) | filled
            _warn_of_letters(filled, warnings)
        writer.update_page_form_field_values(
            None, filled, auto_regenerate=not flatten, flatten=flatten
        )
        if flatten:
            writer.remove_annotations(subtypes="/Widget")
            del writer.root_object["/AcroForm"]
        writer.write(target)
    return {"filled": len(values), "warnings": warnings}


def _checked(fields: Mapping[str, Any], name: str, value: Json) -> str | list[str]:
    """The value as the field takes it."""
    field = fields.get(name)
    if field is None:
        raise PermanentFailure(
            f"The form has no field {name!r}; it has: {', '.join(fields)[:500]}."
            f"{did_you_mean(name, list(fields)[:500])}",
            code="unknown_field",
        )
    kind, flags = field.get("/FT"), int(field.get("/Ff", 0))
    if kind == "/Tx":
        return _text(field, name, value)
    if kind == "/Ch":
        return _choice(field, name, value, flags)
    if kind == "/Btn" and not flags & _PUSH:
        return _state(field, name, value)
    raise PermanentFailure(
        f"The field {name!r} is a button or a signature; it cannot be filled.",
        code="bad_value",
    )


def _text(field: Any, name: str, value: Json) -> str:
    if isinstance(value, list | dict):
        raise _bad(name, value, "a text or a number")
    text = _plain(value)
    most = _entry(field, "/MaxLen")
    if isinstance(most, int) and len(text) > most:
        raise _bad(name, text, f"no longer than {most} characters")
    return text


def _entry(field: Any, name: str) -> Any:
    """An entry of the field itself; the library's summary of it has but a few."""
    reference = getattr(field, "indirect_reference", None)
    return None if reference is None else reference.get_object().get(name)


def _choice(field: Any, name: str, value: Json, flags: int) -> str | list[str]:
    options = [_plain(one) for one in _options(field)]
    wanted = [_plain(one) for one in (value if isinstance(value, list) else [value])]
    for one in wanted:
        if one not in options and one != "" and not flags & _EDITABLE:
            raise _bad(name, one, f"one of {', '.join(options)[:300]}")
    if len(wanted) == 1:
        return wanted[0]
    if not flags & _MANY:
        raise _bad(name, value, "one choice only")
    return wanted


def _options(field: Any) -> list[str]:
    """The choices: each is a text, or a pair of what is kept and what is shown."""
    found = field.get("/Opt") or []
    return [str(one[0] if isinstance(one, list) else one) for one in found]


def _state(field: Any, name: str, value: Json) -> str:
    """A box is on or off, by yes and no or by the name of its state."""
    states = [str(state).removeprefix("/") for state in field.get("/_States_", [])]
    on = [state for state in states if state != "Off"]
    if value in (False, None, "", "Off"):
        return "/Off"
    if value is True and len(on) == 1:
        return f"/{on[0]}"
    if isinstance(value, str) and value.removeprefix("/") in on:
        return f"/{value.removeprefix('/')}"
    allowed = ", ".join(["true", "false"] if len(on) == 1 else []) or "false"
    raise _bad(name, value, f"one of {', '.join([allowed, *on])[:300]}")


def _plain(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _kept(fields: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """What stood in the form before and becomes a part of the page too."""
    kept: dict[str, str | list[str]] = {}
    for name, field in fields.items():
        value = field.get("/V")
        if field.get("/FT") in ("/Tx", "/Btn", "/Ch") and value is not None:
            is_list = isinstance(value, list)
            kept[name] = [str(one) for one in value] if is_list else str(value)
    return kept


def _drop_xfa(writer: "PdfWriter", warnings: list[str]) -> None:
    """Programs that know XFA would show its own, empty form instead."""
    form: Any = writer.root_object["/AcroForm"]
    if form.get_object().pop("/XFA", None) is not None:
        warnings.append("The form was an XFA form too; that part was removed.")


def _warn_of_letters(
    filled: Mapping[str, str | list[str]], warnings: list[str]
) -> None:
    """Drawn by us, texts have the letters of the form's own fonts only."""
    for name, value in filled.items():
        text = value if isinstance(value, str) else "".join(value)
        try:
            text.encode("cp1252")
        except UnicodeEncodeError:
            warnings.append(
                f"The field {name!r} may lack letters: without `flatten`, programs"
                " draw them with fonts of their own."
            )


def _bad(name: str, value: Json, wanted: str) -> PermanentFailure:
    return PermanentFailure(
        f"The field {name!r} takes {wanted}, not {str(value)[:100]!r}.",
        code="bad_value",
    )
