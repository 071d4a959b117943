"""From a document to a definition that can run, or to every mistake in it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from apps.core.expressions import compile_value, value_errors
from apps.core.paths import Path, format_path
from apps.core.types import Json, JsonObject
from apps.steps import registry
from apps.steps.base import (
    AnyStepType,
    BlockType,
    Body,
    OnCrash,
    Steps,
    StepType,
    Value,
)
from apps.workflows.definition.fields import DocumentFields, StepFields
from apps.workflows.definition.ids import normalize
from apps.workflows.definition.inputs import build_input
from apps.workflows.definition.model import Definition, Input, Node
from apps.workflows.definition.names import ERROR, TAKEN, Around, Names, Spot
from apps.workflows.definition.outline import (
    ROOTS,
    STEP_KEYS,
    body_places,
    own_keys,
    value_at,
)
from apps.workflows.definition.params import Checked, check_params, has_expression
from apps.workflows.definition.problems import (
    Problems,
    details,
    did_you_mean,
    keys_of,
    quoted,
)
from apps.workflows.definition.shape import MOST_BLOCK_LEVELS, check_json

MOST_STEPS = 10_000
NOT_VALID = "The definition is not valid."
CODE = "invalid_definition"


def parse(document: object) -> Definition:
    """The definition that `document` describes; missing step ids are filled in.

    Raises:
        Invalid: with one entry for each mistake.
    """
    problems = Problems()
    if not isinstance(document, dict):
        problems.add((), 'must be an object with the key "steps"')
    elif check_json(document, problems):
        definition = _Parser(normalize(document), problems).parse()
        if definition is not None and not problems:
            return definition
    problems.raise_if_any(NOT_VALID, CODE)
    raise AssertionError("nothing parsed and nothing noted")


class _Parser:
    def __init__(self, document: JsonObject, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.names = Names()
        self.count = 0

    def parse(self) -> Definition | None:
        fields = self._fields()
        inputs = self._inputs(fields) if fields else ()
        self._head()
        roots = {root: self._root(root) for root in ROOTS}
        if not roots["steps"] and self.document.get("steps") == []:
            self.problems.add(("steps",), "must hold at least one step")
        self.names.check(self.problems)
        if fields is None or self.problems:
            return None
        return Definition(
            name=fields.name,
            document=self.document,
            inputs=inputs,
            variables=fields.variables,
            settings=fields.settings.build(),
            labels=fields.labels,
            steps=roots["steps"],
            on_failure=roots["on_failure"],
            finally_=roots["finally"],
        )

    def _fields(self) -> DocumentFields | None:
        """All but the steps; also what its names are, even if something is wrong."""
        for key, keep in (("inputs", self._declare), ("variables", self._set)):
            declared = self.document.get(key)
            if isinstance(declared, dict) and declared:
                keep(frozenset(declared))
        lists = (root for root in ROOTS if isinstance(self.document.get(root), list))
        rest = {**self.document, **{root: [] for root in lists}}
        try:
            return DocumentFields.model_validate(rest)
        except ValidationError as error:
            self.problems.add_found(details(error), (), DocumentFields, rest)
            return None

    def _declare(self, names: frozenset[str]) -> None:
        self.names.inputs = names

    def _set(self, names: frozenset[str]) -> None:
        self.names.variables |= names

    def _inputs(self, fields: DocumentFields) -> tuple[Input, ...]:
        return tuple(
            build_input(name, declared, ("inputs", name), self.problems)
            for name, declared in fields.inputs.items()
        )

    def _head(self) -> None:
        """Note the names that are used before the first step runs."""
        earlier: set[str] = set()
        variables = self.document.get("variables")
        for name, raw in variables.items() if isinstance(variables, dict) else ():
            at: Path = ("variables", name)
            if not value_errors(raw):
                self._check_order(raw, at, earlier)
                self.names.use_texts(raw, at, None)
            earlier.add(name)
        place = ("settings", "concurrency", "key")
        key = value_at(self.document, place)
        if not value_errors(key):
            self.names.use_texts(key, place, None)

    def _check_order(self, raw: Json, at: Path, earlier: set[str]) -> None:
        for root, *rest in sorted(compile_value(raw).required):
            is_declared = rest and rest[0] in self.names.variables
            if root == "variables" and is_declared and rest[0] not in earlier:
                self.problems.add(at, f"variables.{rest[0]} is not set before this one")

    def _root(self, root: str) -> Steps:
        raw = self.document.get(root)
        steps = Steps(raw if isinstance(raw, list) else [])
        names = frozenset({ERROR}) if root == "on_failure" else frozenset()
        steps.nodes = self._steps(steps.raw, (root,), Spot("", 0, (), names), 0)
        return steps

    def _steps(
        self, raw: list[Json], at: Path, inside: Spot, level: int
    ) -> tuple[Node, ...]:
        """The steps of one list; `inside` says what is around them."""
        if level > MOST_BLOCK_LEVELS:
            text = f"blocks may be nested {MOST_BLOCK_LEVELS} levels deep"
            self.problems.add(at, text)
            return ()
        nodes = []
        for index, step in enumerate(raw):
            self.count += 1
            if self.count > MOST_STEPS:
                if self.count == MOST_STEPS + 1:
                    text = f"a workflow may have {MOST_STEPS} steps in all"
                    self.problems.add((*at, index), text)
                break
            node = self._step(step, (*at, index), inside, level)
            if node:
                nodes.append(node)
        return tuple(nodes)

    def _step(self, raw: Json, at: Path, inside: Spot, level: int) -> Node | None:
        if not isinstance(raw, dict):
            self.problems.add(at, "must be an object")
            return None
        before = len(self.problems)
        kind = self._kind(raw, at)
        fields = self._step_fields(raw, kind, at)
        spot = self._spot(raw, at, inside)
        checked, body = Checked(), None
        if isinstance(kind, BlockType):
            body = self._block(kind, raw, at, spot, level)
        elif kind:
            checked = self._params(kind, raw, at, spot)
        if fields:
            self.names.use(fields.if_, (*at, "if"), spot)
            self.names.use(fields.mock, (*at, "mock"), spot)
            if fields.save_as:
                self.names.variables.add(fields.save_as)
        if fields is None or kind is None or len(self.problems) > before:
            return None
        return _node(fields, kind, at, checked, body)

    def _kind(self, raw: JsonObject, at: Path) -> AnyStepType | None:
        type_ = raw.get("type")
        if not isinstance(type_, str):
            return None
        kind = registry.find(type_)
        if kind is None:
            known = registry.near_misses(type_[:100])
            message = f"unknown step type {quoted(type_)}{did_you_mean(type_, known)}"
            self.problems.add((*at, "type"), message)
        return kind

    def _step_fields(
        self, raw: JsonObject, kind: AnyStepType | None, at: Path
    ) -> StepFields | None:
        shared = raw
        if isinstance(kind, BlockType):
            own = own_keys(raw, kind)
            shared = {key: value for key, value in raw.items() if key not in own}
            if "params" in shared:
                text = f"{kind.name} takes no params; write its keys beside the type"
                self.problems.add((*at, "params"), text)
        elif kind is None:
            # Whose keys the unknown ones would be, nobody can tell.
            shared = {key: value for key, value in raw.items() if key in STEP_KEYS}
        try:
            return StepFields.model_validate(shared)
        except ValidationError as error:
            self.problems.add_found(details(error), at, StepFields, shared)
            return None

    def _spot(self, raw: JsonObject, at: Path, inside: Spot) -> Spot:
        id_ = raw.get("id")
        spot = replace(inside, id=str(id_), order=self.count)
        if not isinstance(id_, str):
            return spot
        if id_ in self.names.spots:
            self.problems.add((*at, "id"), f"the id {quoted(id_)} is used twice")
        else:
            self.names.spots[id_] = spot
        return spot

    def _params(
        self, kind: StepType[Any], raw: JsonObject, at: Path, spot: Spot
    ) -> Checked:
        if kind.needs_loop and not spot.in_loop():
            text = f"{kind.name} can stand only inside a loop"
            self.problems.add((*at, "type"), text)
        params = raw.get("params", {})
        given = params if isinstance(params, dict) else {}
        if kind.uses_browser(given) and spot.in_parallel():
            text = f"{kind.name} needs the browser, so it cannot run in parallel"
            self.problems.add((*at, "type"), text)
        if not isinstance(params, dict):
            return Checked()
        if "params" not in raw and raw.keys() - set(STEP_KEYS):
            # Misspelled, as was said already: what it misses would be only noise.
            return Checked()
        path = (*at, "params")
        before = len(self.problems)
        checked = check_params(kind, params, path, self.problems)
        for literal in sorted(kind.literal_params):
            if has_expression(params.get(literal)):
                text = "takes no expressions: write it out, and give values apart"
                self.problems.add((*path, literal), text)
        if len(self.problems) == before:
            self.names.use_texts(params, path, spot, may_use_secrets=True)
        name = params.get(kind.variable_param) if kind.variable_param else None
        if has_expression(name):
            self.names.any_variable = True
        elif isinstance(name, str):
            self.names.variables.add(name)
        return checked

    def _block(
        self, kind: BlockType[Any], raw: JsonObject, at: Path, spot: Spot, level: int
    ) -> Body | None:
        body = self._body(kind, raw, at)
        names = None
        if body is not None:
            for path, value in _values(body, at):
                self.names.use(value, path, spot, looks_inside=kind.is_loop)
            given = kind.names(body)
            for name in sorted(given & TAKEN):
                self.problems.add(at, f'gives the name "{name}", which is taken')
            names = None if spot.names is None else spot.names | given
        made = {}
        for place in body_places(raw):
            around = Around(spot.id, place, kind.is_loop, kind.is_parallel)
            inside = Spot("", 0, (*spot.around, around), names)
            steps = value_at(raw, place)
            made[place] = self._steps(steps, (*at, *place), inside, level + 1)
        for place, inner in body.bodies() if body is not None else ():
            inner.nodes = made.get(place, ())
        return body

    def _body(self, kind: BlockType[Any], raw: JsonObject, at: Path) -> Body | None:
        own, model = own_keys(raw, kind), kind.body_class
        try:
            return model.model_validate(own, by_name=False)
        except ValidationError as error:
            found = details(error)
            self.problems.add_found(found, at, model, own, keys_of(StepFields))
            return None


def _node(
    fields: StepFields, kind: AnyStepType, at: Path, checked: Checked, body: Body | None
) -> Node:
    mock = fields.mock
    if mock is None and "mock" in fields.model_fields_set:
        mock = Value(None)
    return Node(
        id=fields.id,
        type=kind.name,
        kind=kind,
        place=format_path(at),
        name=fields.name,
        fixed_params=checked.fixed,
        params=checked.compiled,
        body=body,
        condition=fields.if_,
        retry=fields.retry.build(),
        timeout=fields.timeout,
        mock=mock,
        on_error=fields.on_error,
        on_crash=fields.on_crash and OnCrash(fields.on_crash),
        save_as=fields.save_as,
        disabled=fields.disabled,
    )


def _values(value: object, at: Path) -> Iterator[tuple[Path, Value]]:
    """Every value of a block's body that may hold expressions, with its place."""
    if isinstance(value, Value):
        yield at, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _values(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _values(item, (*at, index))
