from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.steps import docs, registry


def test_the_reference_has_every_step_type() -> None:
    text = docs.reference()
    for kind in registry.all_types():
        assert f"\n### {kind.name}\n" in text


def test_the_reference_says_how_expressions_are_written() -> None:
    assert "\n## Expressions\n" in docs.reference()


def test_params_stand_in_a_table() -> None:
    line = "| `seconds` | number or text |  | Seconds, or a text such as"
    assert line in docs.reference()


def test_a_stale_reference_is_found(tmp_path: Path) -> None:
    path = tmp_path / "steps.md"
    with pytest.raises(CommandError):
        call_command("docs_steps", check=True, output=path)
    call_command("docs_steps", output=path)
    call_command("docs_steps", check=True, output=path)
    path.write_text(path.read_text() + "more\n")
    with pytest.raises(CommandError):
        call_command("docs_steps", check=True, output=path)
