"""The harness itself: what it misses, no fault would show."""

import http.client
import socket
from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults import ledger as ledgers
from tests.faults import report
from tests.faults.case import Fault, matrix
from tests.faults.gate import gate_to
from tests.faults.ledger import Ledger
from tests.faults.oracles import Verdict
from tests.faults.report import Row


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A ledger that listens."""
    with ledgers.running() as made:
        yield made


def ask(port: int, path: str, key: str = "") -> int:
    """Ask for an effect; the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Idempotency-Key": key} if key else {}
    try:
        connection.request("POST", path, body=b"{}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_the_ledger_counts_by_key_and_without(ledger):
    for key in ("a", "a", "b", ""):
        assert ask(ledger.port, "/book/1", key) == 200
    assert ledger.keyed["book", "1"] == {"a": 2, "b": 1}
    assert ledger.plain["book", "1"] == 1
    assert ledger.count("book", "1") == 4


def test_the_ledger_calls_before_it_answers(ledger):
    seen = []
    ledger.on_effect = seen.append
    ask(ledger.port, "/book/2", "k")
    assert [(one.number, one.key, one.repeated) for one in seen] == [("2", "k", 0)]


@pytest.mark.parametrize("mood", ["reset", "half"])
def test_a_mood_passes_after_the_first_request(ledger, mood):
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(ledger.port, f"/book/3/{mood}")
    assert ask(ledger.port, f"/book/3/{mood}") == 200


def test_a_silent_gate_hands_nothing_on_and_ends_nothing(ledger):
    with gate_to("127.0.0.1", ledger.port) as gate:
        with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as caller:
            caller.sendall(b"POST /book/4 HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
            gate.is_silent = True
            caller.settimeout(0.5)
            caller.sendall(b"POST /book/5 HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            with pytest.raises(TimeoutError):
                b"".join(iter(partial(caller.recv, 100), b""))
        assert ledger.count("book", "5") == 0


def test_a_gate_can_swallow_an_answer(ledger):
    struck = []
    with gate_to("127.0.0.1", ledger.port) as gate:
        gate.on_answer = lambda: struck.append(1)
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(gate.port, "/book/6")
        assert ask(gate.port, "/book/6") == 200
    assert struck == [1]
    assert ledger.count("book", "6") == 2


def test_the_matrix_has_the_faults_of_the_engine():
    expected = [*range(1, 23), 25, 26, *range(28, 35), 37, 38, 40, 42, 43, 44]
    assert list(matrix()) == [f"F{number:02}" for number in expected]


def row(number: str, **found: object) -> Row:
    fault = Fault(number, "a | b", "c", lambda run: None)
    return Row(fault, "short", Verdict(**found))  # type: ignore[arg-type]


def test_a_row_is_written_beside_those_of_other_days(tmp_path):
    file = tmp_path / "faults.md"
    report.write([row("F01", submitted=7), row("F02")], "Python 0", file=file)
    report.write([row("F02", lost=["x: no row"])], "Python 1", file=file)
    lines = [line for line in file.read_text().splitlines() if line.startswith("| F")]
    assert [line[:6] for line in lines] == ["| F01 ", "| F02 "]
    assert "| 7 |" in lines[0]
    assert "a / b" in lines[0]
    assert "**broken**" in lines[1]
    assert "lost x: no row" in lines[1]
