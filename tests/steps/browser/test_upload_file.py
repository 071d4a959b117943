import pytest

pytestmark = pytest.mark.browser

SHOWS = 'onchange="p.textContent = [...this.files].map((f) => f.name + f.size)"'


@pytest.fixture(autouse=True)
def files(step_ctx):
    """Two files in the workspace, of the same name."""
    ctx = step_ctx()
    ctx.files.write_bytes("out/a.txt", b"hello")
    ctx.files.write_bytes("b/a.txt", b"hi")


@pytest.mark.parametrize(
    ("field", "target"),
    [
        ("<input type=file id=a {}>", "#a"),
        ("<input type=file id=a hidden {}>", "#a"),
        ("<label>Invoice <input type=file style='display:none' {}></label>", "label"),
        ("<label>Invoice <input type=file {}></label>", "label=Invoice"),
    ],
)
def test_chooses_a_file_of_the_workspace(on_page, browser, site, field, target):
    site.show(field.format(SHOWS) + "<p id=p></p>")
    output, _ = on_page("upload_file", target=target, path="out/a.txt")
    assert output == {"files": ["a.txt"]}
    assert browser.text("#p") == "a.txt5"


def test_the_page_can_send_it_later(on_page, browser, site):
    site.add("/sent", "<p>sent</p>")
    form = "<form method=post action=/sent enctype=multipart/form-data>"
    site.show(f"{form}<input type=file name=f><button>Send</button></form>")
    on_page("upload_file", target="[name=f]", path="out/a.txt")
    browser.find("text=Send").click()
    assert browser.text("p") == "sent"
    sent = [one for one in site.server.requests if one.method == "POST"]
    assert b'filename="a.txt"' in sent[0].body
    assert b"hello" in sent[0].body


def test_chooses_several(on_page, browser, site):
    site.show(f"<input type=file multiple {SHOWS}><p id=p></p>")
    on_page("upload_file", target="input", paths=["out/a.txt", "b/a.txt"])
    assert browser.text("#p") == "a.txt5,a.txt2"


@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        ("<input id=a>", {"path": "out/a.txt"}, "not_a_file_field"),
        ("<input id=a type=file>", {"path": "out/none"}, "file_not_found"),
        (
            "<input id=a type=file>",
            {"paths": ["out/a.txt", "b/a.txt"]},
            "too_many_files",
        ),
    ],
)
def test_says_what_cannot_be_uploaded(failure_of, site, body, more, code):
    site.show(body)
    assert failure_of("upload_file", target="#a", timeout=0.3, **more).code == code


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", ""])
def test_reaches_nothing_outside_of_the_workspace(run_step, path):
    with pytest.raises(ValueError, match="path"):
        run_step("upload_file", {"target": "a", "path": path})
