import pytest

pytestmark = pytest.mark.browser

BOARD = """<div id=card draggable=true style='width:80px;height:40px'>card</div>
<div id=done style='margin-top:60px;width:300px;height:200px'></div><script>
  card.ondragstart = (event) => event.dataTransfer.setData('text', 'card 7');
  done.ondragover = (event) => event.preventDefault();
  done.ondrop = (event) => {
    event.preventDefault(); done.textContent = event.dataTransfer.getData('text');
  };
</script>"""
SLIDER = """<style>body {margin: 0}</style>
<div id=knob style='position:absolute;left:20px;top:50px;width:40px;height:40px'></div>
<p id=p></p><script>
  let from = null;
  knob.onmousedown = (event) => { from = [event.clientX, event.clientY] };
  onmouseup = (event) => {
    if (from) p.textContent = [event.clientX - from[0], event.clientY - from[1]].join();
  };
</script>"""


def test_drops_an_element_on_another(on_page, browser, site):
    site.show(BOARD)
    on_page("drag_and_drop", target="#card", to="#done")
    assert browser.text("#done") == "card 7"


@pytest.mark.parametrize(("by", "expected"), [({"x": 100}, "100,0"), ({"y": 7}, "0,7")])
def test_drags_by_a_distance(on_page, browser, site, by, expected):
    site.show(SLIDER)
    on_page("drag_and_drop", target="#knob", by=by)
    assert browser.text("#p") == expected


@pytest.mark.parametrize(("target", "to"), [("#no", "#done"), ("#card", "#no")])
def test_both_ends_have_to_be_there(failure_of, site, target, to):
    site.show(BOARD)
    error = failure_of("drag_and_drop", target=target, to=to, timeout=0.3)
    assert error.code == "element_not_found"
    assert "#no" in error.message


@pytest.mark.parametrize("more", [{}, {"to": "b", "by": {"x": 1}}, {"by": {"z": 1}}])
def test_takes_one_way_to_say_where(run_step, more):
    with pytest.raises(ValueError, match=r"one of|by"):
        run_step("drag_and_drop", {"target": "a", **more})
