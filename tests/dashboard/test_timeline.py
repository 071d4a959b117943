"""Steps as lines: rounds, bars, what was reused."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.dashboard.timeline import timeline
from apps.executions.models import Execution, StepRecord

START = datetime(2026, 3, 31, 9, tzinfo=UTC)
END = START + timedelta(seconds=10)


def execution(**values) -> Execution:
    return Execution(queued_at=START, started_at=START, **values)


def record(path, at=0.0, ms=1_000, status="completed", position=0) -> StepRecord:
    return StepRecord(
        path=path,
        step_id=path,
        type="log",
        position=position,
        status=status,
        started_at=START + timedelta(seconds=at),
        duration_ms=ms,
    )


def shape(lines):
    return [
        (one.record.path, {key: shape(r.lines) for key, r in one.rounds.items()})
        for one in lines
    ]


def test_rounds_are_grouped_below_their_loops():
    paths = ["a", "rows", "rows[0].in", "rows[0].in[2].x", "rows[1].y", "z"]
    found = timeline(execution(), map(record, paths), END)
    assert shape(found.lines) == [
        ("a", {}),
        (
            "rows",
            {
                "rows[0]": [
                    ("rows[0].in", {"rows[0].in[2]": [("rows[0].in[2].x", {})]})
                ],
                "rows[1]": [("rows[1].y", {})],
            },
        ),
        ("z", {}),
    ]


def test_further_attempts_of_a_block_are_a_group_of_their_own():
    paths = ["b", "x", "b~2.x", "b~2[1].y"]
    found = timeline(execution(), map(record, paths), END)
    assert [one.record.path for one in found.lines] == ["b", "x"]
    labels = [one.label for one in found.lines[0].rounds.values()]
    assert labels == ["attempt 2", "round 2, attempt 2"]


def test_a_step_whose_loop_is_not_shown_stands_alone():
    found = timeline(execution(), [record("rows[7].x")], END)
    assert shape(found.lines) == [("rows[7].x", {})]


def test_bars_share_one_scale():
    found = timeline(execution(), [record("a"), record("b", at=3)], END)
    bars = [(one.bar.x, one.bar.w) for one in found.lines if one.bar]
    assert bars == [("0.00%", "25.00%"), ("75.00%", "25.00%")]
    assert found.span == timedelta(seconds=4)


def test_a_short_step_can_be_seen_at_the_very_end():
    found = timeline(execution(), [record("a"), record("b", at=1, ms=0)], END)
    bar = found.lines[1].bar
    assert bar is not None
    assert (bar.x, bar.w) == ("99.30%", "0.70%")


def test_a_running_step_ends_now():
    found = timeline(execution(), [record("a", ms=None, status="running")], END)
    assert found.lines[0].took_ms == pytest.approx(10_000)


def test_reused_steps_have_no_bar():
    old, new = record("a", at=-3_600), record("b")
    found = timeline(execution(reused_steps=1), [old, new], END)
    assert [one.is_reused for one in found.lines] == [True, False]
    assert found.lines[0].bar is None
    assert found.span == timedelta(seconds=1)


def test_rounds_with_a_failure_stand_open():
    records = [
        record("rows"),
        record("rows[0].x"),
        record("rows[1].x", status="failed"),
    ]
    line = timeline(execution(), records, END).lines[0]
    assert line.is_open
    assert [one.is_open for one in line.rounds.values()] == [False, True]
    assert [one.status for one in line.rounds.values()] == ["completed", "failed"]
