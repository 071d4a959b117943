"""A fallback that had to do is a warning, whatever step and whatever target of it."""

import typing

import pytest
from pydantic import BaseModel

from apps.steps import registry
from apps.steps.base import StepType
from apps.steps.browser.target import Target

pytestmark = pytest.mark.browser

PAGE = """
<button id=go>Go</button> <a id=get href=/file>Get</a> <b id=end>End</b>
<label>Name <input id=name></label><input type=file id=file>
<input type=checkbox id=off><input type=checkbox id=on checked>
<select id=size><option>Small<option>Large</select>
<ul id=list style="height:50px;overflow:auto"><li style="height:400px">long</ul>
<p id=row>one</p><button id=next>Next</button><script>
next.onclick = () => { row.textContent = 'two'; next.remove(); };
</script>
"""


def other(selector):
    return {"primary": "#gone", "fallbacks": [selector]}


# By step and param: the element that the fallback finds, and the step's other params.
CASES = {
    "assert_page.target": ("#go", {}),
    "check.target": ("#off", {}),
    "click.target": ("#go", {}),
    "download_by_click.target": ("#get", {"path": "a.txt"}),
    "drag_and_drop.target": ("#go", {"by": {"x": 20}}),
    "drag_and_drop.to": ("#end", {"target": "#go"}),
    "extract_data.fields": ("#row", {}),
    "extract_data.next": ("#next", {"target": "#row", "many": True}),
    "extract_data.target": ("#list", {"fields": {"a": "li"}}),
    "extract_text.target": ("#row", {}),
    "get_attribute.target": ("#get", {"attribute": "href"}),
    "hover.target": ("#go", {}),
    "press_key.target": ("#name", {"keys": "a"}),
    "screenshot.mask": ("#row", {}),
    "screenshot.target": ("#row", {}),
    "scroll.target": ("#end", {}),
    "scroll.within": ("#list", {"to": "bottom"}),
    "select_option.target": ("#size", {"label": "Large"}),
    "solve_form.submit": ("#go", {"fields": {"Name": "Ada"}}),
    "type.target": ("#name", {"text": "Ada"}),
    "uncheck.target": ("#on", {}),
    "upload_file.target": ("#file", {"path": "b.txt"}),
    "wait_for.target": ("#go", {}),
}


def params_of(case):
    param, (selector, more) = case.partition(".")[2], CASES[case]
    target = other(selector)
    if case == "extract_data.fields":
        return {"fields": {"a": {"fields": {"b": {"target": target}}}}}
    if case == "extract_data.next":
        more = more | {"fields": {"a": {}}}
    return more | {param: [target] if param == "mask" else target}


@pytest.mark.parametrize("case", CASES)
def test_a_match_by_a_fallback_is_a_warning(run_step, step_ctx, browser, site, case):
    headers = {"Content-Disposition": "attachment; filename=c.txt"}
    site.server.answers("/file", body=b"hello", headers=headers)
    site.show(PAGE)
    ctx = step_ctx(browser=browser)
    ctx.files.write_bytes("b.txt", b"hello")
    run_step(case.partition(".")[0], params_of(case), ctx)
    used = CASES[case][0]
    assert ctx.warnings == [
        f"`css #gone` found nothing; used the fallback `css {used}`."
    ]


def test_the_next_step_says_nothing_of_it(on_page, site):
    site.show(PAGE)
    assert on_page("click", target=other("#go"))[1].warnings
    assert on_page("execute_script", script="return 1")[1].warnings == []


def test_every_target_is_among_them():
    registry.load()
    kinds = [one for one in registry.all_types() if isinstance(one, StepType)]
    assert set(CASES) == {
        f"{kind.name}.{name}"
        for kind in kinds
        if kind.needs_browser and type(kind).__module__.startswith("apps.steps.")
        for name, field in kind.params_class.model_fields.items()
        if has_target(field.annotation)
    }


def has_target(annotation, seen=()):
    if annotation is Target or annotation in seen:
        return annotation is Target
    parts = [*typing.get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        parts += [field.annotation for field in annotation.model_fields.values()]
    return any(has_target(one, (*seen, annotation)) for one in parts)
