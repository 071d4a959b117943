"""What the documents say of the code is still so."""

import re
from pathlib import Path

import pytest

from tests.core.test_tenancy_all_models import WITHOUT_TENANT

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The fragments that lead to the document's headings."""
    text = _CODE.sub("", document.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", title.lower()) for title in titles]
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", document.read_text())):
        if link.startswith("https://"):
            continue
        name, _, fragment = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


# How code comes to see the rows of all organizations.
ALL_ROWS = ("with tenancy.system()", "organization_id=None", "'rpa.system', 'on'")


def test_every_use_of_the_system_scope_has_its_reason() -> None:
    for module in sorted((ROOT / "apps").rglob("*.py")):
        name, text = module.relative_to(ROOT).as_posix(), module.read_text()
        if name != "apps/core/tenancy.py" and any(way in text for way in ALL_ROWS):
            assert f"`{name}`" in ARCHITECTURE, name


def test_every_table_without_a_tenant_has_its_reason() -> None:
    for table in WITHOUT_TENANT:
        assert f"`{table}`" in ARCHITECTURE


def test_every_file_of_the_engine_has_its_duty() -> None:
    files = {path.name for path in (ROOT / "apps/executions/engine").glob("*.py")}
    for name in sorted(files - {"__init__.py"}):
        assert f"| `{name}` |" in ARCHITECTURE, name
