"""`manage.py test` plays the faults after the rest, unless told which tests to run."""

import pytest

from apps.ops.devstack import testing


@pytest.fixture
def ran(monkeypatch):
    calls = []

    def run(*arguments):
        calls.append(arguments)
        return 0

    monkeypatch.setattr(testing, "_pytest", run)
    monkeypatch.setattr(testing.browser, "ensure", lambda: None)
    return calls


@pytest.mark.parametrize("given", [[], ["-q", "-x"], ["-n", "3", "-q"], ["-n3"]])
def test_the_whole_suite_ends_with_the_faults(ran, given):
    assert testing.main(given) == 0
    assert len(ran) == 2
    assert ran[1][-5:] == testing.FAULTS
    assert [one for one in ran[1] if one.startswith("-n")] == ["-n"]


@pytest.mark.parametrize(
    "given",
    [["tests/ops"], ["tests/ops/test_testing.py::x"], ["-k", "lease"], ["-m", "e2e"]],
)
def test_chosen_tests_are_run_alone(ran, given):
    testing.main(given)
    assert len(ran) == 1


def test_no_fault_is_played_when_a_test_failed(ran, monkeypatch):
    monkeypatch.setattr(testing, "_pytest", lambda *given: ran.append(given) or 1)
    assert testing.main([]) == 1
    assert len(ran) == 1
