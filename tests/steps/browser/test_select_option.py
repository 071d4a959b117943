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


MANY = (
    "<select id=s multiple><option value=a>A<option value=b selected>B"
    "<option value=c>C</select>"
)


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ({"value": ["a", "c"]}, ["a", "c"]),
        ({"label": ["C"]}, ["c"]),
        ({"index": [0, 1]}, ["a", "b"]),
        ({"value": []}, []),
    ],
)
def test_chooses_several_and_no_others(on_page, browser, site, choice, chosen):
    site.show(MANY)
    output, _ = on_page("select_option", target="#s", **choice)
    assert output == [{"value": one, "label": one.upper()} for one in chosen]
    assert browser.text("#s") == ", ".join(chosen).upper()


def test_one_more_is_added_by_a_single_choice(on_page, browser, site):
    site.show(MANY)
    on_page("select_option", target="#s", value="a")
    assert browser.text("#s") == "A, B"


def test_says_which_of_several_does_not_exist(failure_of, site):
    site.show(MANY)
    error = failure_of("select_option", target="#s", value=["a", "x"], timeout=0.2)
    assert "value `x` of `#s` does not exist" in error.message
    site.show(SELECT)
    error = failure_of("select_option", target="#s", value=["s", "m"])
    assert error.code == "not_multiple"
