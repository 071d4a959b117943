import pytest

from apps.demo.layout import GRID_COLUMNS, ROUNDS, round_form
from apps.demo.people import COLUMNS

ALL = range(1, ROUNDS + 1)
SEEDS = [f"seed {number}" for number in range(20)]


def labels(seed, number):
    return [field.label for field in round_form(seed, number).fields]


def test_the_same_seed_and_round_give_the_same_form():
    assert round_form("a", 3) == round_form("a", 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_field_keeps_its_place_in_the_next_round(seed):
    for number in range(2, ROUNDS + 1):
        before, now = labels(seed, number - 1), labels(seed, number)
        assert all(old != new for old, new in zip(before, now, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_round_has_all_seven_fields_once(seed):
    assert all(sorted(labels(seed, number)) == sorted(COLUMNS) for number in ALL)


def test_names_and_tokens_never_come_twice():
    forms = [round_form(seed, number) for seed in SEEDS for number in ALL]
    names = [field.name for form in forms for field in form.fields]
    assert len(set(names)) == len(names)
    assert len({form.token for form in forms}) == len(forms)


@pytest.mark.parametrize("seed", SEEDS)
def test_fields_stay_in_the_grid_and_do_not_overlap(seed):
    for number in ALL:
        taken = [
            (field.row, column)
            for field in round_form(seed, number).fields
            for column in range(field.start, field.start + field.span)
        ]
        assert len(set(taken)) == len(taken)
        assert all(1 <= column <= GRID_COLUMNS for _, column in taken)


@pytest.mark.parametrize("number", [0, ROUNDS + 1, -1])
def test_there_are_no_other_rounds(number):
    with pytest.raises(ValueError, match="no round"):
        round_form("a", number)
