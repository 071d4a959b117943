"""No page is forgotten in docs/screenshots, and no picture is left over."""

from tests.dashboard import gallery

MOST_BYTES = 8_000_000


def test_every_page_has_a_picture_or_a_reason_for_none():
    shown = {one.route for one in gallery.PICTURES}
    pages = set(gallery.pages())
    assert pages - shown - set(gallery.WITHOUT) == set()
    # What is named but is no page any more.
    assert (shown | set(gallery.WITHOUT)) - pages - {""} == set()


def test_the_pages_that_people_know_are_among_them():
    known = {"dashboard:home", "dashboard:approve", "admin:index", "admin:changelist"}
    assert known <= set(gallery.pages())


def test_the_folder_holds_the_pictures_and_nothing_else():
    wanted = [file for one in gallery.PICTURES for file in one.files]
    assert len(wanted) == len(set(wanted))
    found = {path.name for path in gallery.FOLDER.iterdir()}
    assert found == {*wanted, "README.md"}
    assert sum(path.stat().st_size for path in gallery.FOLDER.iterdir()) < MOST_BYTES


def test_the_index_shows_them_all():
    assert (gallery.FOLDER / "README.md").read_text() == gallery.index()
