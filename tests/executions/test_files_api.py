"""The organization's files over REST, and the artifacts of executions."""

import io
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import override_settings

from apps.accounts.models import AuditEntry
from apps.core import tenancy
from apps.executions.engine.artifacts import ArtifactStore
from apps.executions.models import Artifact, Execution
from tests.executions.documents import doc, write
from tests.fixtures_cast import JsonClient, Person
from tests.fixtures_engine import Engine

pytestmark = pytest.mark.django_db

URL = "/api/files"


def put(client: JsonClient, name: str, content: Any = b"x", **headers: Any) -> Any:
    kind = headers.pop("content_type", "application/octet-stream")
    return client.generic("PUT", f"{URL}/{name}", content, content_type=kind, **headers)


def content(answer: Any) -> bytes:
    """The whole content; having been read to its end, its file is closed."""
    return b"".join(answer.streaming_content)


# --- files -------------------------------------------------------------------------


def test_writes_reads_lists_and_removes(alice: Person) -> None:
    made = put(alice.client, "in/a.csv", b"a,b\n1,2\n")
    assert made.status_code == 201
    assert made.json()["path"] == "in/a.csv"
    assert made.json()["bytes"] == 8
    found = alice.client.get(f"{URL}/in/a.csv")
    assert content(found) == b"a,b\n1,2\n"
    (row,) = alice.client.get(URL).json()["results"]
    assert row == made.json()
    assert alice.client.delete(f"{URL}/in/a.csv").status_code == 204
    assert alice.client.get(f"{URL}/in/a.csv").status_code == 404
    with tenancy.tenant(alice.organization_id):
        entries = AuditEntry.objects.filter(target_type="file").order_by("id")
        assert [entry.action for entry in entries] == ["file.write", "file.delete"]


def test_the_body_is_kept_as_it_comes_whatever_its_type(alice: Person) -> None:
    for kind in ("application/json", "text/html", "multipart/form-data; boundary=x"):
        assert put(alice.client, "a", b"{\x00", content_type=kind).status_code < 300
        assert content(alice.client.get(f"{URL}/a")) == b"{\x00"


def test_an_empty_file_is_a_file(alice: Person) -> None:
    made = put(alice.client, "empty.txt", b"")
    assert (made.status_code, made.json()["bytes"]) == (201, 0)
    assert content(alice.client.get(f"{URL}/empty.txt")) == b""


def test_replaces_a_file_unless_told_not_to(alice: Person) -> None:
    put(alice.client, "a.txt", b"one")
    assert put(alice.client, "a.txt", b"two").status_code == 200
    answer = put(alice.client, "a.txt", b"three", HTTP_IF_NONE_MATCH="*")
    assert (answer.status_code, answer.json()["code"]) == (409, "file_exists")
    assert content(alice.client.get(f"{URL}/a.txt")) == b"two"
    assert put(alice.client, "b.txt", HTTP_IF_NONE_MATCH="*").status_code == 201


@override_settings(FILE_MAX_BYTES=1000)
def test_refuses_what_is_too_large_and_keeps_what_was_there(alice: Person) -> None:
    put(alice.client, "a.txt", b"x" * 1000)
    answer = put(alice.client, "a.txt", b"y" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert content(alice.client.get(f"{URL}/a.txt")) == b"x" * 1000


class Endless(io.RawIOBase):
    """A body that never ends, and counts what was taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "nobody reads a whole body"
        self.taken += size
        return b"x" * size


@override_settings(FILE_MAX_BYTES=1_000_000)
def test_reads_no_more_than_a_file_may_have(alice: Person) -> None:
    body = Endless()
    # A length that says less than what comes, as a chunked body has none.
    answer = alice.client.put(f"{URL}/a", CONTENT_LENGTH="", **{"wsgi.input": body})
    assert answer.status_code in (201, 413)
    assert body.taken < 2_000_000


def test_refuses_compressed_bodies(alice: Person) -> None:
    assert put(alice.client, "a", HTTP_CONTENT_ENCODING="gzip").status_code == 415


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a/../../b", "..%5c..%5cx"),
        *("/etc/passwd", "%2fetc/passwd", "C:%5cx", "C:/x", "file:///etc/passwd"),
        *("x" * 256, "a/" * 600 + "b", ".", "..", "a.", "a%20", "CON", "a%09b"),
        *("-rf", "a%00b", ".hidden", "a//b", "a/", "a/./b", "a%e2%80%aeb"),
    ],
)
def test_refuses_paths_that_lead_out_or_astray(alice: Person, name: str) -> None:
    for method in ("get", "put", "delete"):
        answer = alice.client.generic(method.upper(), f"{URL}/{name}", b"x")
        assert answer.status_code == 400, (method, answer.content)
        assert answer.json()["code"] == "bad_path"
        assert answer.json()["errors"][0]["path"] == "name"
    listed = alice.client.get(URL, {"path": "../.."})
    assert (listed.status_code, listed.json()["code"]) == (400, "bad_path")


def test_a_name_stays_as_it_was_sent(alice: Person) -> None:
    for name in ("%252e%252e", "na%C3%AFve.txt", "a%20b.txt", "x" * 255):
        assert put(alice.client, name).status_code == 201
    paths = [row["path"] for row in alice.client.get(URL).json()["results"]]
    assert paths == ["%2e%2e", "a b.txt", "naïve.txt", "x" * 255]


def test_what_is_not_there_is_not_found(alice: Person) -> None:
    for method in ("GET", "DELETE"):
        answer = alice.client.generic(method, f"{URL}/none.txt")
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")


def test_pages_make_files_downloads_that_run_nothing(alice: Person) -> None:
    for name in ("a.html", "a.svg", "a.png", "a"):
        put(alice.client, name, b"<script>alert(1)</script>")
        answer = alice.client.get(f"{URL}/{name}", HTTP_ACCEPT="text/html")
        assert content(answer).startswith(b"<script>")
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]


def test_viewers_read_and_do_not_write(
    alice: Person, bob: Person, carol: Person, anonymous: JsonClient, member: Any
) -> None:
    put(alice.client, "a.txt", b"ours")
    assert content(bob.client.get(f"{URL}/a.txt")) == b"ours"
    for person in (bob, member("operator")):
        assert put(person.client, "a.txt").status_code == 403
        assert person.client.delete(f"{URL}/a.txt").status_code == 403
    assert carol.client.get(f"{URL}/a.txt").status_code == 404
    assert carol.client.delete(f"{URL}/a.txt").status_code == 404
    assert carol.client.get(URL).json()["results"] == []
    for method in ("GET", "PUT", "DELETE"):
        assert anonymous.generic(method, f"{URL}/a.txt").status_code == 401
    assert anonymous.get(URL).status_code == 401


def test_lists_by_folder_and_pattern(alice: Person) -> None:
    for name in ("a.txt", "in/b.csv", "in/deep/c.csv"):
        put(alice.client, name)

    def paths(**query: Any) -> list[str]:
        rows = alice.client.get(URL, query).json()["results"]
        return [row["path"] for row in rows]

    assert paths() == ["a.txt", "in/b.csv", "in/deep/c.csv"]
    assert paths(path="") == paths()
    assert paths(path="in") == ["in/b.csv", "in/deep/c.csv"]
    assert paths(path="in", recursive="false") == ["in/b.csv"]
    assert paths(pattern="*.csv") == ["in/b.csv", "in/deep/c.csv"]
    assert paths(path="nowhere") == []


def test_lists_page_by_page(alice: Person) -> None:
    for number in range(7):
        put(alice.client, f"f{number}.txt")
    url, found = f"{URL}?limit=3", []
    while url:
        page = alice.client.get(url).json()
        found += [row["path"] for row in page["results"]]
        url = page["next"]
    assert found == [f"f{number}.txt" for number in range(7)]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("cursor=%25%25", "cursor"),
        ("cursor=_w", "cursor"),
        ("recursive=maybe", "recursive"),
        ("pattern=" + "x" * 201, "pattern"),
        ("prefix=a", "prefix"),
        ("ordering=path", "ordering"),
        ("path=%00", "path"),
    ],
)
def test_refuses_unusable_questions(alice: Person, query: str, path: str) -> None:
    answer = alice.client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]


def test_json_that_names_a_file_is_only_content(alice: Person) -> None:
    body = b'{"files": {"x": {"filepath": "/etc/passwd"}}}'
    put(alice.client, "a.json", body, content_type="application/json")
    assert content(alice.client.get(f"{URL}/a.json")) == body


def test_workflows_and_people_see_the_same_files(engine: Engine, alice: Person) -> None:
    engine.run(doc(write("w", "from a step", path="out/w.txt")))
    assert content(alice.client.get(f"{URL}/out/w.txt")) == b"from a step"


# --- artifacts -----------------------------------------------------------------------


def keep(execution: Execution, name: str, kind: str, body: bytes = b"x") -> str:
    store = ArtifactStore(execution.organization_id, execution.id, "rows[1].shot")
    return str(store.save(name, body, kind)["artifact"])


def test_lists_and_hands_out_artifacts(engine: Engine, bob: Person) -> None:
    execution = engine.start(doc())
    url = f"/api/executions/{execution.id}/artifacts"
    ids = [keep(execution, f"{n}.png", "image/png", b"p%d" % n) for n in range(3)]
    page = bob.client.get(f"{url}?limit=2").json()
    rest = bob.client.get(page["next"]).json()
    rows = page["results"] + rest["results"]
    assert [row["id"] for row in rows] == ids
    assert rows[1]["path"] == "rows[1].shot"
    assert (rows[1]["name"], rows[1]["bytes"]) == ("1.png", 2)
    assert content(bob.client.get(rows[1]["url"])) == b"p1"


@pytest.mark.parametrize(
    ("kind", "is_shown"),
    [
        ("image/png", True),
        ("text/plain", True),
        ("text/html", False),
        ("image/svg+xml", False),
        ("application/pdf", False),
        ("text/html;x=image/png", False),
    ],
)
def test_pages_among_artifacts_are_downloads(
    engine: Engine, alice: Person, kind: str, is_shown: bool
) -> None:
    execution = engine.start(doc())
    artifact = keep(execution, "a.html", kind, b"<script>alert(1)</script>")
    url = f"/api/executions/{execution.id}/artifacts/{artifact}"
    answer = alice.client.get(url, HTTP_ACCEPT="image/avif,image/webp")
    assert content(answer).startswith(b"<script>")
    assert answer["Content-Disposition"].startswith("inline") is is_shown
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name", ['a"b\r\nSet-Cookie: x=1', "\u202egnp.exe", "", "../x"]
)
def test_odd_names_make_no_headers(engine: Engine, alice: Person, name: str) -> None:
    execution = engine.start(doc())
    artifact = keep(execution, name, "text/x\r\nSet-Cookie: y=1")
    answer = alice.client.get(f"/api/executions/{execution.id}/artifacts/{artifact}")
    assert content(answer) == b"x"
    assert "Set-Cookie" not in answer.headers
    assert answer["Content-Type"] == "application/octet-stream"


def test_foreign_artifacts_are_not_found(
    engine: Engine, alice: Person, carol: Person, anonymous: JsonClient
) -> None:
    execution, other = engine.start(doc()), engine.start(doc())
    artifact = keep(execution, "a.png", "image/png")
    url = f"/api/executions/{execution.id}/artifacts/{artifact}"
    assert carol.client.get(url).status_code == 404
    assert anonymous.get(url).status_code == 401
    elsewhere = f"/api/executions/{other.id}/artifacts/{artifact}"
    assert alice.client.get(elsewhere).status_code == 404


def test_an_artifact_whose_file_is_gone_is_not_found(
    engine: Engine, alice: Person
) -> None:
    execution = engine.start(doc())
    artifact = keep(execution, "a.png", "image/png")
    with engine.scope():
        default_storage.delete(Artifact.objects.get(id=artifact).file)
    url = f"/api/executions/{execution.id}/artifacts/{artifact}"
    assert alice.client.get(url).status_code == 404
