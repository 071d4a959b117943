"""What a document may say, and what each mistake in it is called."""

from datetime import timedelta

import pytest

from apps.core.errors import Invalid
from apps.core.yaml_documents import load_yaml
from apps.steps.base import BlockType
from apps.workflows.definition.marks import with_lines
from apps.workflows.definition.model import Retention
from apps.workflows.definition.parser import parse
from tests.workflows.documents import (
    OVERDUE,
    errors,
    paths,
    step,
    with_steps,
    yaml,
)


def test_takes_a_whole_workflow() -> None:
    definition = parse(yaml(OVERDUE))
    assert definition.name == "Overdue invoices"
    assert [node.id for node in definition.steps.nodes] == ["rows", "loop"]
    assert definition.settings.timeout is not None
    assert definition.settings.timeout.total_seconds() == 300


def test_reads_how_long_ended_executions_are_kept() -> None:
    rule = {"completed": "30d", "failed": "forever", "keep_last": 100}
    retention = parse(
        with_steps(step(), settings={"retention": rule})
    ).settings.retention
    assert retention == Retention(timedelta(days=30), Retention.FOREVER, 100)


def test_says_nothing_of_retention_unless_the_document_does() -> None:
    assert parse(with_steps(step())).settings.retention == Retention()


def test_fills_the_bodies_of_blocks_with_their_steps() -> None:
    loop = parse(yaml(OVERDUE)).steps.nodes[1]
    assert isinstance(loop.kind, BlockType)
    (condition,) = loop.body.steps.nodes
    assert condition.place == "steps[1].steps[0]"
    assert condition.condition is None  # its `if` chooses and is no guard
    assert [node.type for node in condition.body.else_.nodes] == ["continue"]


def test_validates_params_without_expressions_once() -> None:
    fixed, moving = parse(
        with_steps(step(params={"count": 2}), step(params={"count": "{{ 1 + 1 }}"}))
    ).steps.nodes
    assert fixed.fixed_params.count == 2
    assert fixed.params is None
    assert moving.fixed_params is None
    assert not moving.params.is_static


def test_reads_all_that_a_step_may_say() -> None:
    (node,) = parse(
        with_steps(
            step(
                name="First",
                retry={"max_attempts": 3, "delay": "2s", "on": "timeout"},
                timeout="500ms",
                mock=None,
                on_error="continue",
                on_crash="skip",
                save_as="found",
                disabled=True,
                **{"if": "inputs.x > 1"},
            )
        )
    ).steps.nodes
    assert node.retry.max_attempts == 3
    assert node.retry.on == ("timeout",)
    assert node.timeout.total_seconds() == 0.5
    assert node.mock is not None
    assert node.mock.raw is None
    assert (node.on_error, node.on_crash, node.save_as) == ("continue", "skip", "found")
    assert node.disabled
    assert node.condition is not None


def test_names_five_mistakes_by_five_paths() -> None:
    document = with_steps(
        step("sample_stepp"),
        step(params={"cuont": 1}),
        step(retry={"max_attempts": 0}),
        step(params={"word": "{{ variables.none }}"}),
        step(timeout="soon"),
    )
    assert sorted(paths(document)) == [
        "steps[0].type",
        "steps[1].params.cuont",
        "steps[2].retry.max_attempts",
        "steps[3].params.word",
        "steps[4].timeout",
    ]


MISTAKES = [
    ("nme: x", "nme", 'did you mean "name"'),
    ("schema: 2", "schema", "newer platform"),
    ("schema: '1'", "schema", ""),
    ("inputs: {a: {typ: string}}", "inputs.a.typ", 'did you mean "type"'),
    ("inputs: {a b: {type: string}}", "inputs['a b']", "must be a name"),
    ("inputs: {a: {type: text}}", "inputs.a.type", ""),
    ("inputs: {a: {type: number, default: x}}", "inputs.a.default", "a number"),
    ("inputs: {a: {type: any, default: '{{ b }}'}}", "inputs.a.default", "expression"),
    ("inputs: {a: {type: string, enum: [1]}}", "inputs.a.enum[0]", "a text"),
    ("variables: {a: '{{ b }}'}", "variables.a", "b is not defined"),
    ("variables: {a: '{{ b +'}", "variables.a", "line 1, column"),
    ("variables: {a: '{{ variables.b }}', b: 1}", "variables.a", "not set before"),
    ("variables: {a: '{{ steps.x.output }}'}", "variables.a", "have not run yet"),
    ("variables: {a: '{{ secrets.key }}'}", "variables.a", "only in the params"),
    ("settings: {browser: {colour: 1}}", "settings.browser.colour", ""),
    ("settings: {browser: {timezone: Mars}}", "settings.browser.timezone", "zone"),
    ("settings: {timout: 5m}", "settings.timout", 'did you mean "timeout"'),
    ("settings: {timeout: 0}", "settings.timeout", "longer than 0"),
    ("settings: {retention: {completed: 1m}}", "settings.retention.completed", "hour"),
    ("settings: {retention: {failed: 400d}}", "settings.retention.failed", "forever"),
    ("settings: {retention: {failed: -1d}}", "settings.retention.failed", "forever"),
    ("settings: {retention: {keep_last: -1}}", "settings.retention.keep_last", ""),
    ("settings: {retention: {keep: 1}}", "settings.retention.keep", "keep_last"),
    ("settings: {concurrency: {limit: 0}}", "settings.concurrency.limit", ""),
    ("name: 'a {{ b }}'", "name", "takes no expression"),
    ("steps: []", "steps", "at least one step"),
    ("steps: null", "steps", "a list"),
    ("steps: [x]", "steps[0]", "must be an object"),
    ("steps: [{}]", "steps[0].type", "is required"),
    ("steps: [{type: 5}]", "steps[0].type", "a text"),
    ("steps: [{type: Sample_Step}]", "steps[0].type", 'did you mean "sample_step"'),
    ("steps: [{type: '{{ x }}'}]", "steps[0].type", "unknown step type"),
    ("steps: [{type: sample_step, parms: {}}]", "steps[0].parms", "params"),
    ("steps: [{type: sample_step, params: []}]", "steps[0].params", "an object"),
    ("steps: [{type: sample_step, id: ..}]", "steps[0].id", "a-z"),
    ("steps: [{type: sample_step, id: ''}]", "steps[0].id", "a-z"),
    ("steps: [{type: sample_step, id: __proto__}]", "steps[0].id", "underscores"),
    ("steps: [{type: sample_step, id: '{{ x }}'}]", "steps[0].id", "no expression"),
    ("steps: [{type: sample_step, save_as: 1a}]", "steps[0].save_as", "a name"),
    ("steps: [{type: sample_step, on_error: x}]", "steps[0].on_error", ""),
    ("steps: [{type: sample_step, disabled: 1}]", "steps[0].disabled", "true or"),
    ("steps: [{type: sample_step, if: '{{ a b }}'}]", "steps[0].if", "column"),
    ("steps: [{type: sample_step, if: secrets.a}]", "steps[0].if", "only in the"),
    ("steps: [{type: sample_step, timeout: 1e12}]", "steps[0].timeout", "366 days"),
    ("steps: [{type: break}]", "steps[0].type", "inside a loop"),
    ("steps: [{type: loop, times: 1, params: {}, steps: []}]", "steps[0].params", ""),
    ("steps: [{type: loop, times: 1}]", "steps[0].steps", "is required"),
    ("steps: [{type: loop, tmes: 1, steps: []}]", "steps[0].tmes", '"times"'),
]


@pytest.mark.parametrize(("line", "path", "words"), MISTAKES)
def test_names_each_mistake_with_its_path(line: str, path: str, words: str) -> None:
    document = with_steps(step()) | yaml(line)
    found = dict(errors(document))
    assert path in found
    assert words in found[path]


def test_refuses_ids_that_are_used_twice_anywhere() -> None:
    inner = step("sample_group", steps=[step(id="a")])
    assert paths(with_steps(step(id="a"), inner)) == ["steps[1].steps[0].id"]


def test_a_mistake_in_a_block_hides_none_inside_it() -> None:
    block = step("loop", wile="true", steps=[step(params={"count": "x"})])
    assert set(paths(with_steps(block))) >= {
        "steps[0].wile",
        "steps[0].steps[0].params.count",
    }


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_refuses_what_is_no_object(document: object) -> None:
    assert paths(document) == [""]


def test_takes_ten_thousand_steps_and_no_more() -> None:
    found = errors(with_steps(*[step(params={"count": 1})] * 10_001))
    assert found == [("steps[10000]", "a workflow may have 10000 steps in all")]


def nested(levels: int) -> dict[str, object]:
    """A document with blocks inside each other."""
    inner = step()
    for _ in range(levels):
        inner = step("sample_group", steps=[inner])
    return with_steps(inner)


def test_takes_fifty_levels_of_blocks() -> None:
    document = parse(nested(50)).document
    for _ in range(50):
        document = document["steps"][0]
    assert document["steps"][0]["id"] == "sample_step"


@pytest.mark.parametrize("levels", [51, 120, 2_000, 20_000])
def test_refuses_more_levels_without_a_crash(levels: int) -> None:
    ((_, message),) = errors(nested(levels))
    assert "50 levels" in message


def test_refuses_params_that_are_nested_too_deep() -> None:
    value: list[object] = []
    for _ in range(100):
        value = [value]
    assert paths(with_steps(step(params={"many": value}))) == ["steps[0].params"]


def test_refuses_five_megabytes_in_one_param() -> None:
    ((_, message),) = errors(with_steps(step(params={"word": "a" * 5_000_000})))
    assert "4 MiB" in message


@pytest.mark.parametrize(
    "value", ["a\0b", "\ud800", float("inf"), float("nan"), 10**400, b"x"]
)
def test_refuses_what_no_database_keeps(value: object) -> None:
    assert "steps[0].params.word" in paths(with_steps(step(params={"word": value})))


def test_lists_a_bounded_number_of_mistakes() -> None:
    found = errors(with_steps(*[step(params={"count": "x"})] * 2_000))
    assert len(found) == 501
    assert found[-1] == ("", "1500 more mistakes are not listed")


def test_refuses_internal_fields_of_an_import() -> None:
    extra = {"log_path": "/x", "status": "completed", "created_by": "me"}
    assert set(paths(with_steps(step(), **extra))) == set(extra)


def test_says_where_in_the_yaml_a_mistake_is() -> None:
    value, marks = load_yaml(
        "steps:\n  - type: sample_step\n    timeout: soon\n  - {}\n"
    )
    with pytest.raises(Invalid) as caught:
        parse(value)
    found = with_lines(caught.value, marks).errors
    assert [(e["path"], e["line"], e["column"]) for e in found] == [
        ("steps[0].timeout", 3, 14),
        ("steps[1].type", 4, 5),
    ]


def test_reads_what_the_browser_shall_be() -> None:
    settings = {"browser": {"width": 800, "device": "ipad"}}
    browser = parse(with_steps(step(), settings=settings)).settings.browser
    assert (browser.shape.width, browser.shape.scale) == (800, 2.0)
