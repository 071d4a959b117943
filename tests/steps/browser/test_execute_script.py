import pytest

from apps.steps.browser.execute_script import ExecuteScript

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        ("return document.title", [], "Page /page"),
        ("return arguments[0].a + arguments[1]", [{"a": 1}, 2], 3),
        ("return {list: [1, null, 'x'], no: undefined}", [], {"list": [1, None, "x"]}),
        ("document.title = 'changed'", [], None),
        ("return await new Promise((go) => setTimeout(() => go(7), 50))", [], 7),
        ("return 5 % 3 + '%s' // the end", [], "2%s"),
        ("return arguments[0]", ["'); alert(1); ('"], "'); alert(1); ('"),
    ],
)
def test_hands_on_what_the_script_returns(on_page, site, script, arguments, expected):
    site.show("x")
    output, _ = on_page("execute_script", script=script, arguments=arguments)
    assert output == expected


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("throw new Error('no rows')", "script_failed", "no rows"),
        ("return nothing.at.all", "script_failed", "nothing is not defined"),
        ("return (", "script_failed", "Unexpected token"),
        ("const a = {}; a.a = a; return a", "script_failed", "circular"),
        ("return 'x'.repeat(2e6)", "too_much_data", "1000000"),
    ],
)
def test_says_why_it_failed(failure_of, site, script, code, words):
    site.show("x")
    error = failure_of("execute_script", script=script)
    assert error.code == code
    assert words in error.message


def test_ends_with_the_timeout(failure_of, site):
    site.show("x")
    wait = "await new Promise(() => 0)"
    error = failure_of("execute_script", script=wait, timeout=0.5)
    assert error.code == "timeout"


def test_the_script_itself_takes_no_expressions():
    assert "script" in ExecuteScript.literal_params
