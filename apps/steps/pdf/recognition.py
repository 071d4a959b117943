"""Reads the text in pictures with the program Tesseract."""

import os
import resource
import shutil
import subprocess
import tempfile
from typing import IO

from apps.core.errors import PermanentFailure
from apps.core.types import JsonObject

PROGRAM = "tesseract"
_MEMORY_BYTES = 1536 * 1024 * 1024
_MAX_OUTPUT = 16 * 1024 * 1024
_MAX_WORDS = 300
_WORD = "5"  # the level of a line of its table that holds a word


def find_program() -> str:
    """The path of Tesseract on this machine.

    Raises:
        PermanentFailure: `ocr_not_installed`.
    """
    path = shutil.which(PROGRAM)
    if path is None:
        raise PermanentFailure(
            "Reading text in pictures needs the program Tesseract, which is not "
            "installed here. An operator can add it to the workers, on Debian with "
            "`apt install tesseract-ocr` and a package for each language, such as "
            "`tesseract-ocr-deu`.",
            code="ocr_not_installed",
        )
    return path


def recognize(
    program: str, picture: str, languages: list[str], layout: int, seconds: float
) -> JsonObject:
    """The text in a PNG file: `{text, confidence}`.

    `confidence` is the mean of all words, from 0 to 100; None without words.

    Args:
        languages: Tesseract's names of them, such as `deu`.
        layout: Tesseract's number of a way to look at the page.

    Raises:
        PermanentFailure: `language_not_installed`, `too_slow`, `ocr_failed`.
    """
    command = [program, picture, "stdout", "-l", "+".join(languages)]
    command += ["--psm", str(layout), "tsv"]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _run(command, output, errors, seconds)
        table, said = _text(output), _text(errors)
    if code != 0:
        raise _failure(said, languages)
    return _read(table)


def _run(
    command: list[str], output: IO[bytes], errors: IO[bytes], seconds: float
) -> int:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - fixed words, and files of ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"} | kept,
    )
    try:
        _limit(process.pid)
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise PermanentFailure(
            f"Reading a page took longer than {seconds:g} s.", code="too_slow"
        ) from None
    finally:
        # An interrupt of the step must not leave it running.
        if process.poll() is None:
            process.kill()
            process.wait()


# Where its languages are.
_KEPT = ("TESSDATA_PREFIX",)


def _limit(pid: int) -> None:
    if hasattr(resource, "prlimit"):
        try:
            limits = (_MEMORY_BYTES, _MEMORY_BYTES)
            resource.prlimit(pid, resource.RLIMIT_AS, limits)
        except ProcessLookupError:  # it has ended already
            return


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_OUTPUT).decode("utf-8", "replace")


def _read(table: str) -> JsonObject:
    """Words back to lines and paragraphs; the table has a header and tabs."""
    lines: dict[tuple[str, ...], list[str]] = {}
    sure: list[float] = []
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != _WORD or not cells[11].strip():
            continue
        lines.setdefault(tuple(cells[1:5]), []).append(cells[11].strip())
        sure.append(float(cells[10]))
    text, before = "", None
    for place, words in lines.items():
        if before is not None:
            text += "\n" if place[:3] == before[:3] else "\n\n"
        text, before = text + " ".join(words), place
    mean = round(sum(sure) / len(sure), 1) if sure else None
    return {"text": text, "confidence": mean}


def _failure(said: str, languages: list[str]) -> PermanentFailure:
    words = " ".join(said.split())[:_MAX_WORDS]
    if "loading language" in words or "opening data file" in words:
        return PermanentFailure(
            f"Tesseract does not know one of the languages {', '.join(languages)} "
            f"here; an operator can add it. It says: {words}",
            code="language_not_installed",
        )
    message = f"Tesseract could not read the picture: {words}"
    return PermanentFailure(message, code="ocr_failed")
