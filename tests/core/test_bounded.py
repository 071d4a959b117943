import multiprocessing
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from apps.core.bounded import BoundedCrash, run_bounded
from apps.core.errors import Invalid, PermanentFailure
from tests.core import bounded_functions as functions

MIB = 1024 * 1024


def test_gives_what_the_function_returns() -> None:
    assert run_bounded(functions.add, 40, 2) == 42


def test_carries_plain_values_of_every_kind() -> None:
    assert run_bounded(functions.moment) == {
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "rows": [(1, b"x"), {2}],
    }


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (functions.fill_memory, "too_much_memory"),
        (functions.abort, "too_much_memory"),
        (functions.spin, "too_slow"),
        (functions.spin_twice, "too_slow"),
        (functions.sleep, "too_slow"),
        (functions.go_deep, "too_deep"),
        (functions.crash, "parser_crashed"),
        (functions.refuse, "refused"),
    ],
)
def test_names_what_went_wrong(function: object, code: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_bounded(function, memory_bytes=200 * MIB, seconds=2)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_raises_our_errors_whole() -> None:
    with pytest.raises(Invalid) as caught:
        run_bounded(functions.refuse_all)
    assert str(caught.value) == "bad"
    assert caught.value.errors == [{"path": "a", "message": "b"}]
    with pytest.raises(PermanentFailure) as refused:
        run_bounded(functions.refuse)
    assert refused.value.details == {"row": 3}


def test_tells_a_fault_of_ours_from_bad_content() -> None:
    with pytest.raises(BoundedCrash, match="KeyError"):
        run_bounded(functions.break_down)


def test_refuses_a_result_that_is_too_large() -> None:
    with pytest.raises(PermanentFailure) as caught:
        run_bounded(functions.long_text, 2 * MIB, answer_bytes=MIB)
    assert caught.value.code == "too_large"


def test_reads_no_objects_from_the_child() -> None:
    with pytest.raises(BoundedCrash):
        run_bounded(functions.foreign_object)


def test_has_none_of_the_workers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "x")
    assert "SECRET_OF_THE_WORKER" not in run_bounded(functions.environment)


def _forever(path: str) -> None:
    run_bounded(functions.own_pid, path, seconds=60)


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = multiprocessing.get_context("spawn").Process(
        target=_forever, args=(str(note),)
    )
    parent.start()
    while not (note.exists() and note.read_text()):
        time.sleep(0.02)
    child = psutil.Process(int(note.read_text()))
    os.kill(parent.pid or 0, 9)
    parent.join()
    assert psutil.wait_procs([child], timeout=10)[1] == []
    parent.close()
