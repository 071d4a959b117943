import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("visible", "b.hidden = false"),
        ("hidden", "a.remove()"),
        ("hidden", "a.hidden = true"),
        ("attached", "document.body.insertAdjacentHTML('beforeend', '<i id=c>x</i>')"),
        ("enabled", "d.disabled = false"),
    ],
)
def test_waits_for_a_state(on_page, site, state, change):
    target = {"visible": "#b", "hidden": "#a", "attached": "#c", "enabled": "#d"}[state]
    later = f"setTimeout(() => {{ {change} }}, 150)"
    site.show(
        "<p id=a>a</p><p id=b hidden>b</p><button id=d disabled>d</button>"
        f"<script>{later}</script>"
    )
    on_page("wait_for", target=target, state=state)


def test_waits_for_a_text_and_an_address(on_page, site):
    later = (
        "setTimeout(() => { p.textContent = 'all  done'; location.hash = 'x7' }, 150)"
    )
    url = site.show(f"<p id=p>working</p><script>{later}</script>")
    output, _ = on_page("wait_for", target="#p", text="all done", url="/page#*7")
    assert output == {"url": f"{url}#x7"}
    on_page("wait_for", text="done")


def test_says_what_it_waited_for_in_vain(failure_of, site):
    site.show("<p>x</p>")
    error = failure_of("wait_for", target="#never", text="done", timeout=0.2)
    assert error.code == "wait_timed_out"
    assert "`#never` to be visible and the text `done`" in error.message
    assert error.details["screenshot"]["name"] == "failure.png"


def test_a_broken_selector_does_not_wait(failure_of, site):
    site.show("<p>x</p>")
    assert failure_of("wait_for", target="[[").code == "invalid_selector"


def test_needs_something_to_wait_for(run_step):
    with pytest.raises(ValueError, match="at least one of"):
        run_step("wait_for", {"timeout": 1})


def test_waits_for_a_number_of_elements(on_page, failure_of, site):
    add = "document.body.insertAdjacentHTML('beforeend', '<p>x</p>')"
    site.show(f"<p>x</p><p hidden>x</p><script>setTimeout(() => {add}, 150)</script>")
    on_page("wait_for", target="p", count=2)
    error = failure_of("wait_for", target="p", count=3, timeout=0.2)
    assert "3 of `p` to be visible" in error.message
