import io

import pypdf
import pytest

from apps.steps.browser.save_pdf import SavePdf, SavePdfParams

pytestmark = pytest.mark.browser


def test_keeps_all_of_the_open_page(run_step, step_ctx, browser, site):
    gap = "<div style='height:3000px'></div>"
    hide = "<style>@media print {nav {display: none}}</style>"
    site.show(f"{hide}<nav>menu</nav><p id=p></p>{gap}<p>bottom</p>")
    browser.driver.execute_script("p.textContent = 'typed ' + 1")
    ctx = step_ctx(browser=browser)
    output = run_step("save_pdf", {"path": "out/page.pdf", "landscape": True}, ctx)
    content = ctx.files.read_bytes("out/page.pdf")
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    text = "".join(page.extract_text() for page in pages)
    assert output["path"] == "out/page.pdf"
    assert output["bytes"] == len(content)
    assert len(pages) > 1
    assert "typed 1" in text
    assert "bottom" in text
    assert "menu" not in text
    assert pages[0].mediabox.width > pages[0].mediabox.height
    assert browser.text("#p") == "typed 1"


def test_the_file_is_a_pdf_in_the_workspace(run_step):
    for path in ("../a.pdf", "a.txt"):
        with pytest.raises(ValueError, match="path"):
            run_step("save_pdf", {"path": path})
    params = SavePdfParams.model_validate({"path": "a.pdf"})
    assert SavePdf().summary(params) == "print the open page to a.pdf"
