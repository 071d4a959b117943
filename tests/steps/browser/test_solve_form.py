import pytest

from apps.steps.base import Effect
from apps.steps.browser.solve_form import SolveForm, SolveFormParams

pytestmark = pytest.mark.browser

FORM = """<form action=/sent><label>Name <input id=name></label>
<label for=note>Your note</label><textarea id=note></textarea>
<label>Country <select id=country><option value=se>Sweden<option value=no>Norway
</select></label><label>Born <input id=born type=date></label>
<label>Rooms <input id=rooms type=number></label>
<label><input id=agree type=checkbox> I agree</label>
<label><input type=radio name=pay> Card</label>
<label><input id=cash type=radio name=pay> Cash</label>
<input id=mail placeholder="E-mail"><input id=code name=code>
<button>Send</button></form>
"""
VALUES = {
    "Name": ("name", "Ada"),
    "Your note": ("note", "two\nlines"),
    "Country": ("country", "Norway"),
    "Born": ("born", "1815-12-10"),
    "Rooms": ("rooms", 3),
    "I agree": ("agree", True),
    "Cash": ("cash", True),
    "E-mail": ("mail", "ada@example.com"),
    "code": ("code", "x7"),
}


def test_fills_in_every_kind_of_field(on_page, browser, site):
    site.show(FORM)
    fields = {label: value for label, (_, value) in VALUES.items()}
    assert on_page("solve_form", fields=fields)[0] == {"filled": 9}
    for name, value in VALUES.values():
        expected = "true" if value is True else str(value)
        assert browser.text(f"#{name}") == expected


def test_the_page_hears_of_it(on_page, browser, site):
    site.show("<label>A <input onchange='p.append(this.value)'></label><p id=p></p>")
    on_page("solve_form", fields={"A": "x"})
    assert browser.text("#p") == "x"


def test_sends_the_form(on_page, browser, site):
    site.add("/sent", "<p>sent</p>")
    site.show(FORM)
    on_page("solve_form", fields={"code": "a"}, submit="text=Send")
    assert browser.text("p") == "sent"
    sent = next(one for one in site.server.requests if one.path == "/sent")
    assert sent.query["code"] == ["a"]


def test_names_each_field_that_is_missing(failure_of, browser, site):
    site.show(FORM)
    fields = {"Name": "Ada", "Contry": "Norway", "Zip": "1"}
    error = failure_of("solve_form", fields=fields, timeout=0.3)
    assert error.code == "field_not_found"
    assert error.details["missing"] == ["Contry", "Zip"]
    assert "Country" in error.message
    assert browser.text("#name") == ""


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("Country", "Mars", "no option"),
        ("Born", "10.12.1815", "takes no such value"),
        ("I agree", "yes", "true or false"),
        ("Name", True, "takes a text"),
    ],
)
def test_says_which_field_did_not_take_its_value(failure_of, site, label, value, words):
    site.show(FORM)
    error = failure_of("solve_form", fields={label: value}, timeout=0.3)
    assert error.code == "bad_value"
    assert f"`{label}`" in error.message
    assert words in error.message


def test_only_sending_is_a_write_and_values_stay_unseen():
    params = SolveFormParams.model_validate({"fields": {"Password": "hunter2"}})
    assert SolveForm().effect_of(params) is Effect.PAGE
    assert "hunter2" not in repr(params) + SolveForm().summary(params)
    sends = SolveFormParams.model_validate({"fields": {"A": 1}, "submit": "#b"})
    assert SolveForm().effect_of(sends) is Effect.WRITE
