from pathlib import Path

import pytest

from apps.core.yaml_documents import load_yaml
from apps.demo.people import COLUMNS
from apps.workflows.definition.parser import parse

SEED = Path(__file__).parents[2] / "templates_seed" / "demo.yaml"


@pytest.fixture
def document():
    return load_yaml(SEED.read_text(encoding="utf-8"))[0]


def forms(document):
    return next(step for step in document["steps"] if step["id"] == "forms")


def test_the_workflow_is_valid(document):
    definition = parse(document)
    assert definition.name == "Forms challenge"
    assert [needed.name for needed in definition.inputs] == ["base_url"]


def test_each_column_of_the_file_goes_into_the_field_of_its_label(document):
    typed = [step["params"] for step in forms(document)["steps"][:-1]]
    assert typed == [
        {"target": f"label={label}", "text": f'{{{{ row["{label}"] }}}}'}
        for label in COLUMNS
    ]


def test_a_click_that_may_have_happened_is_done_again(document):
    clicks = [document["steps"][3], forms(document)["steps"][-1]]
    assert [step["type"] for step in clicks] == ["click", "click"]
    assert {step["on_crash"] for step in clicks} == {"retry"}


def test_every_step_has_a_name_to_watch(document):
    steps = [*document["steps"], *forms(document)["steps"]]
    assert all(step["name"] for step in steps)
