"""What an error names when no element fits: what could have been meant."""

import pytest

pytestmark = pytest.mark.browser

PAGE = """
<h1>Orders</h1><form><input id=customer name=client><input type=checkbox>
<button class="save-it">Save order</button></form><a href=/help>Help</a>
<div role=status>Ready</div>
"""


@pytest.mark.parametrize(
    ("target", "near"),
    [
        ("//input[@id='custmer']", "#customer"),
        ('//input[@name="cliend"]', 'input[name="client"]'),
        ("//button[normalize-space()='Save oder']", "text=Save order"),
        ("(//button[contains(@class, 'saveit')])[2]", "button.save-it"),
    ],
)
def test_the_quoted_texts_of_an_xpath_are_compared(failure_of, site, target, near):
    site.show(PAGE)
    error = failure_of("click", target=target, timeout=0.1)
    assert error.details["near"][0] == near
    assert f"`{near}`" in error.message


@pytest.mark.parametrize("target", ["//video", "//button[99]", "//a[@id='']"])
def test_an_xpath_without_texts_is_near_to_nothing(failure_of, site, target):
    site.show(PAGE)
    assert failure_of("click", target=target, timeout=0.1).details["near"] == []


@pytest.mark.parametrize(
    ("role", "near"), [("buton", "role=button"), ("states", "role=status")]
)
def test_for_a_role_the_nearest_on_the_page_are_named(failure_of, site, role, near):
    site.show(PAGE)
    error = failure_of("click", target=f"role={role}", timeout=0.1)
    assert error.details["near"][0] == near
    assert len(error.details["near"]) == 3


def test_roles_in_shadow_roots_count_and_others_do_not(failure_of, site):
    site.show(
        "<x-a id=x></x-a><script>x.attachShadow({mode: 'open'}).innerHTML = "
        "'<ul role=tree><li>a</ul>'</script>"
    )
    error = failure_of("click", target="role=dialog", timeout=0.1)
    assert set(error.details["near"]) == {"role=tree", "role=listitem"}
