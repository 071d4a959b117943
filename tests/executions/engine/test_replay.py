"""Rule 4: after a crash, recorded steps are never run again and all ends the same."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.executions.driving import Walk, make_walk, read_back, walk

NAMES = ["a", "b", "c"]
VALUES = [
    "{{ variables.a }}",
    "{{ [variables.b, variables.c] | length }}",
    "{{ random() }}",
    "{{ uuid() }}",
    "{{ variables.b }}-{{ variables.c }}",
    '{"zeta": 1, "a": 2}',
    1,
    None,
]
GUARDS = [
    "variables.a == variables.b",
    "random() < 0.5",
    "variables.c is defined",
    "1 / 0 > 1",
]


@st.composite
def a_leaf(draw: Any, in_loop: bool) -> dict[str, Any]:
    kinds = ["put", "put", "put", "bad", "stop"]
    kind = draw(st.sampled_from([*kinds, "break", "continue"] if in_loop else kinds))
    if kind == "put":
        params = {
            "name": draw(st.sampled_from(NAMES)),
            "value": draw(st.sampled_from(VALUES)),
        }
        step: dict[str, Any] = {"type": "set_variable", "params": params}
    elif kind == "bad":
        step = {"type": "parse_json", "params": {"text": "{"}}
        step["retry"] = {"max_attempts": draw(st.integers(1, 2))}
    else:
        step = {"type": kind}
    if kind in ("break", "continue", "stop"):
        return step | {"if": draw(st.sampled_from(GUARDS[:2]))}
    return step | draw(trimmings())


def trimmings() -> Any:
    return st.fixed_dictionaries(
        {},
        optional={
            "if": st.sampled_from(GUARDS),
            "on_error": st.sampled_from(["fail", "continue", "continue"]),
            "save_as": st.sampled_from(NAMES),
        },
    )


def bodies(depth: int, in_loop: bool) -> Any:
    return st.lists(steps(depth, in_loop), min_size=1, max_size=3)


def steps(depth: int, in_loop: bool) -> Any:
    if depth == 0:
        return a_leaf(in_loop)
    return a_leaf(in_loop) | a_block(depth - 1, in_loop)


@st.composite
def a_block(draw: Any, depth: int, in_loop: bool) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(["loop", "while", "condition", "switch", "try", "parallel"])
    )
    block: dict[str, Any] = {"type": kind} | draw(trimmings())
    if draw(st.booleans()):
        block["retry"] = {"max_attempts": 2}
    if kind == "loop":
        over = st.sampled_from([[1, 2], {"zeta": 1, "a": 2}, "{{ [variables.a] }}"])
        return block | {"over": draw(over), "steps": draw(bodies(depth, True))}
    if kind == "while":
        body = draw(bodies(depth, True))
        return block | {"type": "loop", "while": "COUNTER", "steps": body}
    if kind == "condition":
        chosen = {"if": draw(st.sampled_from(GUARDS[:3]))}
        return (
            block
            | chosen
            | {
                "then": draw(bodies(depth, in_loop)),
                "else": draw(bodies(depth, in_loop)),
            }
        )
    if kind == "switch":
        cases = [{"when": [1, 2], "steps": draw(bodies(depth, in_loop))}]
        default = draw(bodies(depth, in_loop))
        return block | {
            "value": "{{ variables.a }}",
            "cases": cases,
            "default": default,
        }
    if kind == "try":
        return block | {
            "steps": draw(bodies(depth, in_loop)),
            "catch": draw(bodies(depth, in_loop)),
            "finally": draw(bodies(depth, in_loop)),
        }
    branches = [
        {"name": name, "steps": draw(bodies(depth, False))} for name in ("x", "y")
    ]
    return block | {"branches": branches}


def named(document: dict[str, Any]) -> dict[str, Any]:
    """Gives every step an id, and every `while` loop a counter that ends it."""
    numbers = itertools.count()

    def visit(value: Any) -> Any:
        if isinstance(value, list):
            return [visit(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = {key: visit(item) for key, item in value.items()}
        if "type" in found:
            found["id"] = f"s{next(numbers)}"
        if found.get("while") == "COUNTER":
            name = f"n{next(numbers)}"
            document["variables"][name] = 0
            found["while"] = f"variables.{name} < 2"
            count = {"name": name, "value": f"{{{{ variables.{name} + 1 }}}}"}
            step = {"id": f"c{name}", "type": "set_variable", "params": count}
            found["steps"] = [step, *found["steps"]]
        return found

    for key in ("steps", "on_failure", "finally"):
        document[key] = visit(document[key])
    return document


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    return named(
        {
            "variables": {"a": 1, "b": 2, "c": "x"},
            "steps": draw(st.lists(steps(2, False), min_size=1, max_size=3)),
            "on_failure": draw(bodies(1, False)),
            "finally": draw(bodies(0, False)),
        }
    )


def facts(done: Walk) -> Any:
    assert done.outcome is not None
    statuses = {name: step["status"] for name, step in done.strand.steps.items()}
    return (
        done.outcome.status,
        done.outcome.reason,
        done.strand.values,
        list(done.strand.values),
        done.outputs,
        statuses,
    )


def settled(rows: Any) -> set[str]:
    """Plain steps that are done and must not be run again."""
    return {
        record.path
        for record in read_back(rows)
        if record.is_settled and "signals" not in (record.state or {})
    }


def check_every_cut(document: dict[str, Any]) -> None:
    whole = walk(document)
    for cut in range(len(whole.journal.rows) + 1):
        rows = whole.journal.rows[:cut]
        resumed = walk(document, known=read_back(rows))
        assert facts(resumed) == facts(whole), cut
        assert not settled(rows) & set(resumed.performer.ran), cut


@given(documents())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_rule_04_a_walk_that_was_cut_after_any_record_ends_the_same(document):
    check_every_cut(document)


def put(step_id: str, value: Any, **more: Any) -> dict[str, Any]:
    params = {"name": step_id, "value": value}
    return {"id": step_id, "type": "set_variable", "params": params, **more}


BAD = {"id": "bad", "type": "parse_json", "params": {"text": "{"}}
KEPT = {
    "the names that a failed attempt of a block set": [
        {
            "id": "again",
            "type": "try",
            "retry": {"max_attempts": 2},
            "steps": [put("n", "{{ variables.n + 1 }}"), BAD],
            "finally": [],
        }
    ],
    "the order of the keys of a mapping": [
        {"id": "map", "type": "parse_json", "params": {"text": '{"zeta": 1, "a": 2}'}},
        {
            "id": "each",
            "type": "loop",
            "over": "{{ steps.map.output }}",
            "steps": [put("n", "{{ variables.n }}{{ item.key }}")],
        },
    ],
    "the way that a break took": [
        {
            "id": "each",
            "type": "loop",
            "times": 5,
            "steps": [
                {"id": "out", "type": "break", "if": "item == 2"},
                put("n", "{{ item }}"),
            ],
        }
    ],
    "the chance that a while loop had": [
        {
            "id": "each",
            "type": "loop",
            "while": "random() < 0.8",
            "steps": [put("n", "{{ variables.n + 1 }}")],
        }
    ],
    "the names that branches set, in their order": [
        {
            "id": "both",
            "type": "parallel",
            "branches": [
                {"name": "x", "steps": [put("n", 2, id="x_n")]},
                {
                    "name": "y",
                    "steps": [put("n", "{{ variables.n }}", id="y_n")],
                },
            ],
        }
    ],
    "the failure of a guard": [
        {
            "id": "maybe",
            "type": "condition",
            "if": "true",
            "then": [put("n", 9)],
            "on_error": "continue",
        }
    ],
    "a stop and what it says": [
        put("n", 3),
        {"id": "end", "type": "stop", "params": {"message": "at {{ variables.n }}"}},
        put("never", 1),
    ],
}


@pytest.mark.parametrize("what", KEPT)
def test_a_replay_keeps(what):
    check_every_cut({"variables": {"n": 1}, "steps": KEPT[what]})


def test_a_while_loop_asks_chance_anew_each_time():
    loop = {"id": "each", "type": "loop", "while": "random() < 0.9", "steps": []}
    lengths = {
        len(walk({"steps": [loop | {"id": f"each{n}"}]}).outputs[f"each{n}"])
        for n in range(8)
    }
    assert len(lengths) > 1
    assert max(lengths) < 1_000


def test_time_after_a_block_is_the_same_on_a_replay():
    block = {"id": "both", "type": "try", "steps": [put("a", 1)], "finally": []}
    steps = [block, put("late", "{{ now() }}")]
    whole = walk({"steps": steps})
    without_last = whole.journal.rows[:-1]
    resumed = walk({"steps": steps}, known=read_back(without_last))
    assert resumed.outputs["late"] == whole.outputs["late"]


def test_a_settled_block_is_not_written_again():
    steps = [
        {"id": "each", "type": "loop", "times": 3, "steps": [put("a", "{{ item }}")]}
    ]
    whole = walk({"steps": steps})
    resumed = walk({"steps": steps}, known=read_back(whole.journal.rows))
    assert resumed.journal.rows == []


def test_a_guard_that_failed_is_not_asked_again():
    guarded = {
        "id": "maybe",
        "type": "try",
        "if": "1 / 0 > 1",
        "on_error": "continue",
        "steps": [put("n", 9)],
        "finally": [],
    }
    whole = walk({"steps": [guarded, put("b", 1)]})
    assert whole.journal.paths() == ["maybe failed", "b completed"]
    resumed = make_walk({"steps": [guarded]}, known=read_back(whole.journal.rows))
    resumed.interpreter.run()
    assert resumed.performer.ran == []
