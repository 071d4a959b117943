import pytest

pytestmark = pytest.mark.browser

SELECT = (
    "<label>Size<select id=s onchange='p.textContent = this.value'>"
    "<option value=s>Small<option value=m>Medium <i>size</i>"
    "<option value=x disabled>Huge</select></label><p id=p></p>"
)


@pytest.mark.parametrize(
    "choice", [{"value": "m"}, {"label": "Medium size"}, {"index": 1}]
)
def test_chooses_by_value_label_or_index(on_page, browser, site, choice):
    site.show(SELECT)
    output, _ = on_page("select_option", target="label=Size", **choice)
    assert output == {"value": "m", "label": "Medium size"}
    assert browser.text("#p") == "m"


def test_waits_for_the_option(on_page, site):
    add = "setTimeout(() => s.add(new Option('Late', 'l')), 200)"
    site.show(f"{SELECT}<script>{add}</script>")
    output, _ = on_page("select_option", target="#s", label="Late")
    assert output["value"] == "l"


@pytest.mark.parametrize(
    ("target", "choice", "code", "text"),
    [
        ("#s", {"label": "Tiny"}, "option_not_found", "`Small`, `Medium size`"),
        ("#s", {"value": "x"}, "option_not_found", "disabled"),
        ("#p", {"value": "x"}, "not_a_select", "no select"),
    ],
)
def test_says_which_options_there_are(failure_of, site, target, choice, code, text):
    site.show(SELECT.replace("<p id=p>", "<p id=p>text"))
    error = failure_of("select_option", target=target, timeout=0.3, **choice)
    assert error.code == code
    assert text in error.message


@pytest.mark.parametrize("choice", [{}, {"value": "a", "index": 1}, {"index": -1}])
def test_takes_exactly_one_choice(run_step, choice):
    with pytest.raises(ValueError, match=r"one of|greater"):
        run_step("select_option", {"target": "#s", **choice})
