"""Reading and writing YAML: plain JSON values only, in bounded time and memory.

Plain scalars follow YAML 1.2, so `on`, `yes` and `02:30` are texts, and so are
numbers with leading zeros. Tags and merge keys are refused; anchors work while
what they expand to stays small.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

from apps.core.documents import (
    Mark,
    Marks,
    decimal_number,
    invalid,
    refuse_unstorable,
    too_deep,
    whole_number,
)
from apps.core.errors import Invalid
from apps.core.paths import Path
from apps.core.types import Json

MAX_DEPTH = 200
MAX_NODES = 500_000

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_DECIMAL = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII
)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")
_WORDS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain_value(text: str) -> Json:
    """What an unquoted scalar means.

    Raises:
        Invalid: a number that the platform does not take.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return whole_number(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _DECIMAL.fullmatch(text):
        return decimal_number(text)
    if _NOT_FINITE.fullmatch(text):
        raise invalid(f"{text} is not a JSON value.")
    return text


class _Event(Protocol):
    """What the parser's events have in common, as far as we read it."""

    start_mark: Any
    anchor: str | None
    tag: str | None
    implicit: Any
    value: str


@dataclass
class _Open:
    """A list or mapping that is not closed yet."""

    value: Json
    path: Path
    anchor: str | None
    first_node: int
    height: int = 1
    name: str | None = None

    def next_path(self) -> Path:
        if isinstance(self.value, list):
            return (*self.path, len(self.value))
        return self.path if self.name is None else (*self.path, self.name)


@dataclass
class _Anchored:
    """A finished value that may be repeated, and what a repetition costs."""

    value: Json
    nodes: int
    height: int


@dataclass
class _Builder:
    """Makes the value of one document from the parser's events, without recursion."""

    max_depth: int
    value: Json = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    documents: int = 0
    nodes: int = 0
    opened: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        """One event of the parser."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.MappingStartEvent:
            self._open(event, {})
        elif kind is yaml.SequenceStartEvent:
            self._open(event, [])
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self._close()
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                raise self._wrong("There is more than one document.", event)

    def _wrong(self, message: str, event: _Event) -> Invalid:
        path = self.opened[-1].next_path() if self.opened else ()
        return invalid(message, path, _mark(event), code="not_yaml")

    def _awaits_name(self) -> bool:
        top = self.opened[-1] if self.opened else None
        return top is not None and isinstance(top.value, dict) and top.name is None

    def _count(self, event: _Event, nodes: int, height: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self._wrong(f"It holds more than {MAX_NODES} values.", event)
        if len(self.opened) + height > self.max_depth:
            raise too_deep(self.max_depth)

    def _scalar(self, event: _Event) -> None:
        if event.tag is not None:
            raise self._wrong("Tags are not supported.", event)
        self._count(event, 1, 0)
        if self._awaits_name():
            self._name(event)
            return
        try:
            value = plain_value(event.value) if event.implicit[0] else event.value
        except Invalid as error:
            raise self._wrong(error.message, event) from error
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self._add(value, _mark(event), 0)

    def _name(self, event: _Event) -> None:
        top = self.opened[-1]
        if event.implicit[0] and event.value == "<<":
            raise self._wrong("Merge keys (<<) are not supported.", event)
        if event.value in top.value:
            message = f"The name {event.value[:100]!r} stands twice in one mapping."
            raise self._wrong(message, event)
        top.name = event.value

    def _alias(self, event: _Event) -> None:
        anchored = self.anchors.get(event.anchor or "")
        if anchored is None:
            raise self._wrong("The anchor is not known, or holds itself.", event)
        if self._awaits_name():
            raise self._wrong("A name must be a text.", event)
        self._count(event, anchored.nodes, anchored.height)
        self._add(_copied(anchored.value), _mark(event), anchored.height)

    def _open(self, event: _Event, value: Json) -> None:
        if event.tag is not None:
            raise self._wrong("Tags are not supported.", event)
        if self._awaits_name():
            raise self._wrong("A name must be a text.", event)
        self._count(event, 1, 1)
        path = self.opened[-1].next_path() if self.opened else ()
        self.marks[path] = _mark(event)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.opened.append(_Open(value, path, event.anchor, self.nodes))

    def _close(self) -> None:
        done = self.opened.pop()
        if done.anchor:
            nodes = self.nodes - done.first_node + 1
            self.anchors[done.anchor] = _Anchored(done.value, nodes, done.height)
        self._add(done.value, self.marks[done.path], done.height)

    def _add(self, value: Json, mark: Mark, height: int) -> None:
        if not self.opened:
            self.value = value
            self.marks[()] = mark
            return
        top = self.opened[-1]
        self.marks[top.next_path()] = mark
        top.height = max(top.height, height + 1)
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            top.value[top.name] = value
            top.name = None


def _mark(event: _Event) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _copied(value: Json) -> Json:
    """A copy, so that a change at one place does not show at the other."""
    if isinstance(value, dict):
        return {name: _copied(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_copied(child) for child in value]
    return value


def load_yaml(text: str, *, max_depth: int = MAX_DEPTH) -> tuple[Json, Marks]:
    """The value of the one document in `text`, and where its parts stand.

    Raises:
        Invalid: no YAML, or a value that the platform does not take.
    """
    builder = _Builder(max_depth)
    try:
        for event in yaml.parse(text.removeprefix("\ufeff"), Loader=_Loader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _not_yaml(error) from error
    if not builder.documents:
        raise invalid("The document is empty.", code="not_yaml")
    refuse_unstorable(builder.value, builder.marks)
    return builder.value, builder.marks


def _not_yaml(error: yaml.YAMLError) -> Invalid:
    place = getattr(error, "problem_mark", None)
    mark = (place.line + 1, place.column + 1) if place else None
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    return invalid(
        f"It is not YAML: {problem or 'unreadable'}.", (), mark, code="not_yaml"
    )


class _Dumper(yaml.SafeDumper):
    """Writes block style; quotes what would be read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if _LINE_ENDS.search(value):
        style = '"'  # only there do they stand escaped
    elif "\n" in value and not re.search(r"[^\S\n]\n|^\s|[^\S\n]\Z", value):
        style = "|"
    elif _is_ambiguous(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_ambiguous(value: str) -> bool:
    try:
        return not isinstance(plain_value(value), str)
    except Invalid:
        return True


_Dumper.add_representer(str, _text)


def dump_yaml(value: Json) -> str:
    """`value` as YAML that `load_yaml` reads back to the same."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6
    )
