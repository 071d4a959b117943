import io
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from pydantic import ValidationError

from apps.core.errors import PermanentFailure
from apps.steps.context import StepContext
from tests.fixtures_steps import ContextMaker, StepRunner
from tests.steps.documents import pdfs

# Stands for Tesseract where there is none: it tells what it was given.
PROGRAM = f"""#!{sys.executable} -S
import os, struct, sys, time
path, languages, layout = sys.argv[1], sys.argv[4], sys.argv[6]
head = open(path, "rb").read(26)
assert head.startswith(bytes([137]) + b"PNG"), head
width, height, _, color = struct.unpack(">IIBB", head[16:26])
assert (sys.argv[2], sys.argv[3], sys.argv[5], sys.argv[7]) == (
    "stdout", "-l", "--psm", "tsv")
if languages == "xxx":
    sys.exit("Error opening data file xxx.traineddata. Failed loading language 'xxx'")
if languages == "bad":
    sys.exit("Image too small to scale!!")
if languages == "lag":
    time.sleep(60)
print("\\t".join("level page block par line word l t w h conf text".split()))
print("1\\t1\\t0\\t0\\t0\\t0\\t0\\t0\\t9\\t9\\t-1\\t")
secret = "secret" if "SECRET_KEY" in os.environ else "clean"
lines = [[f"{{width}}x{{height}}", str(color)], [languages, secret]]
for line, words in enumerate(lines):
    for at, word in enumerate(words):
        cells = [5, 1, 1, 1, line, at, 0, 0, 9, 9, 90 + at, word]
        print("\\t".join(map(str, cells)))
print("5\\t1\\t2\\t1\\t0\\t0\\t0\\t0\\t9\\t9\\t91\\tpsm" + layout)
"""


@pytest.fixture
def ctx(step_ctx: ContextMaker) -> StepContext:
    return step_ctx()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tesseract").write_text(PROGRAM)
    (folder / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("SECRET_KEY", "for nobody")


@pytest.fixture
def read(run_step: StepRunner, ctx: StepContext) -> Any:
    def run(content: bytes, path: str = "in/a.png", **params: Any) -> Any:
        ctx.files.write_bytes(path, content)
        return run_step("ocr", {"path": path} | params, ctx)

    return run


def picture(
    kind: str = "PNG", size: tuple[int, int] = (40, 30), frames: int = 1
) -> bytes:
    pictures = [Image.new("RGB", size, "white") for _ in range(frames)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(file, kind, **more)
    return file.getvalue()


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
def test_reads_pictures(read: Any, kind: str) -> None:
    text = "40x30 0\neng clean\n\npsm3"
    assert read(picture(kind)) == {
        "text": text,
        "pages": [{"number": 1, "text": text, "confidence": 90.6}],
        "page_count": 1,
        "truncated": False,
    }


@pytest.mark.usefixtures("program")
def test_tells_the_program_how_to_read(read: Any) -> None:
    text = read(picture(), languages=["deu", "chi_sim"], layout=7)["text"]
    assert "deu+chi_sim" in text
    assert "psm7" in text


@pytest.mark.usefixtures("program")
def test_draws_pages_of_a_pdf(read: Any) -> None:
    output = read(pdfs.document("a", "b", "c"), pages="2-", dpi=72)
    assert [page["number"] for page in output["pages"]] == [2, 3]
    assert output["pages"][0]["text"].startswith("612x792 0")
    assert output["page_count"] == 3


@pytest.mark.usefixtures("program")
def test_opens_a_pdf_with_its_password(read: Any) -> None:
    content = pdfs.locked(pdfs.document("a"), "right")
    assert len(read(content, password="right", dpi=72)["pages"]) == 1


@pytest.mark.usefixtures("program")
def test_a_page_that_states_to_be_huge_is_drawn_smaller(read: Any) -> None:
    content = pdfs.by_hand(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 14400 14400]>>",
    )
    width, _, height = read(content)["text"].split()[0].partition("x")
    assert int(width) * int(height) <= 40_100_000


@pytest.mark.usefixtures("program")
def test_leaves_pages_above_the_limit(read: Any, ctx: StepContext) -> None:
    output = read(picture("TIFF", frames=3), max_pages=2)
    assert (len(output["pages"]), output["truncated"]) == (2, True)
    assert ctx.warnings == ["Only 2 pages were read."]


def bomb() -> bytes:
    """A picture of few bytes and many pixels."""
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("content", "params", "code"),
    [
        (b"", {}, "not_picture"),
        (b"<svg onload='x'/>", {}, "not_picture"),
        (picture()[:60], {}, "not_picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", {}, "not_picture"),
        (bomb(), {}, "picture_too_large"),
        (picture(), {"pages": "2"}, "page_not_found"),
        (b"%PDF-1.7\n", {}, "not_pdf"),
        (pdfs.locked(pdfs.document("a"), "right"), {}, "encrypted"),
        (picture(), {"languages": ["xxx"]}, "language_not_installed"),
        (picture(), {"languages": ["bad"]}, "ocr_failed"),
    ],
)
def test_refuses_what_it_cannot_read(
    read: Any, content: bytes, params: Any, code: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(content, **params)
    assert caught.value.code == code


@pytest.mark.usefixtures("program")
def test_a_slow_page_is_ended(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.steps.documents.ocr.bounded_timeout", lambda *_: 0.5)
    with pytest.raises(PermanentFailure) as caught:
        read(picture(), languages=["lag"])
    assert caught.value.code == "too_slow"


def test_says_what_to_install(
    read: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match="apt install tesseract-ocr") as caught:
        read(picture())
    assert caught.value.code == "ocr_not_installed"


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs Tesseract")
def test_reads_words_with_the_real_program(read: Any) -> None:
    page = Image.new("RGB", (600, 200), "white")
    ImageDraw.Draw(page).text((40, 60), "Invoice 4711", fill="black", font_size=60)
    file = io.BytesIO()
    page.save(file, "PNG")
    output = read(file.getvalue())
    assert output["text"].strip() == "Invoice 4711"
    assert output["pages"][0]["confidence"] > 50


@pytest.mark.parametrize(
    "params",
    [
        {"languages": []},
        {"languages": ["../eng"]},
        {"languages": ["--help"]},
        {"languages": ["eng+deu"]},
        {"layout": 0},
        {"dpi": 10_000},
        {"pages": "x"},
    ],
)
def test_refuses_bad_params(run_step: StepRunner, params: Any) -> None:
    with pytest.raises(ValidationError):
        run_step("ocr", {"path": "a.png"} | params)
