import io

from openpyxl import load_workbook

from apps.demo.people import COLUMNS, PEOPLE, people_xlsx


def test_the_file_has_a_header_and_ten_rows_of_texts():
    sheet = load_workbook(io.BytesIO(people_xlsx()), read_only=True).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == COLUMNS
    assert rows[1:] == list(PEOPLE)
    assert len(PEOPLE) == 10


def test_the_file_is_the_same_every_time():
    first = people_xlsx()
    people_xlsx.cache_clear()
    assert people_xlsx() == first


def test_no_value_is_empty_or_would_be_changed_by_a_text_field():
    values = [value for row in PEOPLE for value in row]
    assert all(value == value.strip() and value for value in values)
    assert all(char.isprintable() for value in values for char in value)
    # A driver types characters of the basic plane only.
    assert max(ord(char) for value in values for char in value) < 0x10000


def test_the_site_serves_the_file(client):
    response = client.get("/demo/people.xlsx")
    assert response.content == people_xlsx()
    assert "spreadsheetml" in response["Content-Type"]
    assert response["Content-Disposition"] == 'attachment; filename="people.xlsx"'
