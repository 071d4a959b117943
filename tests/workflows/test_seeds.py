"""Every built-in workflow parses."""

from pathlib import Path

import pytest

from apps.core.yaml_documents import load_yaml
from apps.workflows.definition.parser import parse
from apps.workflows.definition.yaml_io import export, read

SEEDS = sorted(
    (Path(__file__).resolve().parents[2] / "templates_seed").glob("**/*.yaml")
)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: str(seed.stem))
def test_every_seed_parses_and_comes_back_the_same(seed: Path) -> None:
    document, _ = load_yaml(seed.read_text(encoding="utf-8"))
    definition = parse(document)
    assert definition.name
    assert read(export(definition.document, "yaml"), "yaml")[0] == definition.document
