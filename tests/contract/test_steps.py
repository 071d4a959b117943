"""What every step type keeps, whoever adds it: the registry is gone through."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from apps.steps import docs, registry
from apps.steps.base import AnyStepType, BlockType, Body, Effect, OnCrash, Params

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = {"django", "rest_framework", "celery", "channels", "rpa"}
registry.load()
# Tests register samples of their own; those belong to no group of the library.
KINDS = [
    kind
    for kind in registry.all_types()
    if type(kind).__module__.startswith("apps.steps.")
]
every_step_type = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def _fields(kind: AnyStepType) -> type[Params] | type[Body]:
    return kind.body_class if isinstance(kind, BlockType) else kind.params_class


def test_the_library_has_the_types_that_workflows_rely_on() -> None:
    names = {kind.name for kind in KINDS}
    assert names >= {
        *("condition", "switch", "loop", "break", "continue", "try", "stop"),
        *("delay", "set_variable", "call_workflow", "parallel"),
        *("transform_data", "validate_data", "parse_csv", "parse_json"),
        *("extract_text", "extract_data"),
    }


@every_step_type
def test_file_and_name_are_the_same(kind: AnyStepType) -> None:
    module = type(kind).__module__
    assert module == f"apps.steps.{kind.group}.{kind.name}"


@every_step_type
def test_has_a_test_file_of_its_own(kind: AnyStepType) -> None:
    path = ROOT / "tests" / "steps" / kind.group / f"test_{kind.name}.py"
    assert "def test_" in path.read_text(encoding="utf-8")


@every_step_type
def test_refuses_unknown_params(kind: AnyStepType) -> None:
    fields = _fields(kind)
    assert issubclass(fields, Params | Body)
    with pytest.raises(ValidationError) as caught:
        fields.model_validate({"no_such_param": 1})
    assert "extra_forbidden" in {error["type"] for error in caught.value.errors()}


@every_step_type
def test_params_cannot_be_changed(kind: AnyStepType) -> None:
    assert _fields(kind).model_config.get("frozen")


@every_step_type
def test_its_schema_describes_every_param(kind: AnyStepType) -> None:
    schema = docs.schema_of(kind)
    assert schema["type"] == "object"
    for name, field in schema.get("properties", {}).items():
        assert field.get("description"), f"{kind.name}.{name} has no description"


@every_step_type
def test_says_what_it_does(kind: AnyStepType) -> None:
    about, _ = docs.documentation(kind)
    assert about.split("\n")[0].endswith((".", ";", ","))
    assert inspect.getdoc(importlib.import_module(type(kind).__module__))


@every_step_type
def test_its_example_uses_params_that_exist(kind: AnyStepType) -> None:
    _, example = docs.documentation(kind)
    for step in yaml.safe_load(example) or []:
        given = step if isinstance(kind, BlockType) else step.get("params", {})
        known = docs.schema_of(kind).get("properties", {})
        shared = {"type", "id", "if", "name", "retry", "timeout", "on_error", "save_as"}
        assert step["type"] == kind.name
        assert set(given) - (shared if given is step else set()) <= set(known)


@every_step_type
def test_declares_an_effect_that_makes_sense(kind: AnyStepType) -> None:
    if isinstance(kind, BlockType):
        return
    assert isinstance(kind.effect, Effect)
    assert isinstance(kind.on_crash, OnCrash)
    # A key says that a repeat is harmless; only what writes can be harmful.
    assert not kind.keyed or kind.effect is Effect.WRITE
    if kind.effect is not Effect.WRITE:
        assert kind.on_crash is OnCrash.FAIL, "only a write can be in doubt"


@every_step_type
def test_its_source_knows_neither_django_nor_celery(kind: AnyStepType) -> None:
    source = inspect.getsource(importlib.import_module(type(kind).__module__))
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in _imported(node)
    }
    assert not imported & FOREIGN


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_the_library_loads_without_django_settings() -> None:
    code = "from apps.steps import registry; registry.load(); print('loaded')"
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.stdout == "loaded\n", made.stderr


def test_no_secret_shows_in_the_params_own_text() -> None:
    for kind in KINDS:
        for name, field in _fields(kind).model_fields.items():
            if any(word in name for word in ("password", "token", "secret")):
                assert "SecretStr" in str(field.annotation), f"{kind.name}.{name}"


# For those whose documented example holds expressions, or that have none.
SAMPLES: dict[str, dict[str, object]] = {
    "click": {"target": "#save"},
    "webhook": {
        "url": "https://example.com/hook",
        "secret": "whsec_a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5",
        "payload": {},
    },
    "write_excel": {"path": "out.xlsx", "rows": [{"a": 1}]},
}


@every_step_type
def test_what_writes_says_what_it_would_do(kind: AnyStepType) -> None:
    """A dry run shows it in its place, made from the params of the moment."""
    if isinstance(kind, BlockType) or kind.effect is not Effect.WRITE:
        return
    _, example = docs.documentation(kind)
    steps = yaml.safe_load(example) or [{}]
    given = SAMPLES.get(kind.name) or steps[0].get("params", {})
    summary = kind.summary(kind.params_class.model_validate(given))
    texts = [text for value in given.values() for text in _texts(value)]
    assert any(text in summary for text in texts), summary


def _texts(value: object) -> list[str]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [text for one in inner for text in _texts(one)]
    return [value] if isinstance(value, str) else []


def test_a_name_can_be_given_once_only() -> None:
    with pytest.raises(registry.DuplicateStepType):
        registry.register(KINDS[0].name)(type(KINDS[0]))
