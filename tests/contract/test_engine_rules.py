"""Every rule of the engine has a test, or several, that bear its number."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ARCHITECTURE = TESTS.parent / "docs" / "architecture.md"


def test_each_rule_has_a_test_named_after_it():
    rules = re.findall(r"^\| (\d+) \| \*\*", ARCHITECTURE.read_text(), re.MULTILINE)
    sources = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    named = re.findall(r"^def test_rule_(\d\d)_", sources, re.MULTILINE)
    assert sorted(set(map(int, named))) == list(map(int, rules)) == list(range(1, 13))
