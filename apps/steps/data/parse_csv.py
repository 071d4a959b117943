"""Step type `parse_csv`: comma-separated text to rows."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from apps.core.types import Json, JsonObject
from apps.steps import delimited
from apps.steps.base import Effect, Params, StepType
from apps.steps.context import StepContext
from apps.steps.registry import register
from apps.steps.rows.columns import ColumnType, check_types, typed_rows
from apps.steps.rows.values import FieldName

_IN_PROCESS = 256 * 1024


def _known_encoding(name: str) -> str:
    if name == "auto":
        return name
    try:
        # Those that are no encodings of text, such as base64, have this flag unset.
        known = codecs.lookup(name)
        if not getattr(known, "_is_text_encoding", True):
            raise LookupError
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is no text encoding that we know") from None
    return name


def _one_sign(sign: str) -> str:
    if sign == "auto" or (len(sign) == 1 and sign not in '"\r\n '):
        return sign
    raise ValueError("must be `auto` or one character that is no quote or line end")


class ParseCsvParams(Params):
    """The text and how it is written."""

    text: str | None = Field(default=None, description="The text.")
    path: str | None = Field(
        default=None, max_length=1000, description="Or a file of the workspace."
    )
    delimiter: Annotated[str, AfterValidator(_one_sign)] = Field(
        default="auto", description="One character, or `auto`: one of `,` `;` tab `|`."
    )
    quote: Literal['"', "'", ""] = Field(
        default='"', description="The sign around cells; empty: there is none."
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field(
        default="auto",
        max_length=40,
        description="Of the file, such as cp1252; `auto`: by its mark, else UTF-8.",
    )
    header: bool | list[FieldName] = Field(
        default=True,
        description="Whether the first line names the columns; or their names.",
    )
    types: ColumnType | dict[str, ColumnType] = Field(
        default="text",
        description="What cells become, for all columns or by column; `auto`: numbers,"
        " yes and no, null for empty cells, text for all else; `date`: ISO 8601.",
    )
    ragged: Literal["fail", "pad"] = Field(
        default="fail", description="What happens to lines with too few cells."
    )
    skip: int = Field(
        default=0, ge=0, le=1000, description="Lines to leave out at the beginning."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.text is None) == (self.path is None):
            raise ValueError("give either `text` or `path`")
        names = self.header
        if isinstance(names, list) and (not names or len(set(names)) < len(names)):
            raise ValueError("`header` needs names that differ")
        return self


@register("parse_csv")
class ParseCsv(StepType[ParseCsvParams]):
    """Read comma-separated text, or a file with it, into rows.

    The output is `{rows, columns, count, delimiter, encoding}`; each row has its
    cells by column. Blank lines are left out. A line with more cells than the header
    is an error that names the line; bytes that the encoding does not have are one
    that names their offset.

    Example:
        - id: people
          type: parse_csv
          params: {path: people.csv, delimiter: ";", types: {age: integer}}
    """

    params_class = ParseCsvParams
    effect = Effect.READ

    def effect_of(self, params: ParseCsvParams) -> Effect:
        return Effect.NONE if params.path is None else Effect.READ

    def summary(self, params: ParseCsvParams) -> str:
        return f"read rows from {params.path or 'a text'}"

    def run(self, params: ParseCsvParams, ctx: StepContext) -> Json:
        table = _parsed(params, ctx)
        for warning in table.pop("warnings"):
            ctx.warn(warning)
        check_types(params.types, table["columns"])
        rows = typed_rows(table["rows"], params.types)
        return table | {"rows": rows, "count": len(rows)}


def _parsed(params: ParseCsvParams, ctx: StepContext) -> JsonObject:
    content: str | bytes
    if params.path is None:
        content, encoding = params.text or "", "text"
    else:
        content = ctx.files.read_bytes(params.path, max_bytes=delimited.MAX_BYTES)
        encoding = params.encoding
    arguments = (
        content,
        encoding,
        params.delimiter,
        params.quote,
        params.header,
        params.ragged,
        params.skip,
    )
    if len(content) <= _IN_PROCESS:
        return delimited.parse(*arguments)
    table: JsonObject = ctx.bounded(delimited.parse, *arguments)
    return table
