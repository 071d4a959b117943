"""Steps for documents and databases as the engine runs them, one after the other."""

import pytest

from apps.workflows.services.secrets import secret_create

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = [
    {
        "id": "table",
        "type": "database_query",
        "params": {
            "url": "{{ secrets.database }}",
            "query": "CREATE TABLE orders (name text, total real)",
            "mode": "write",
        },
    },
    {
        "id": "fill",
        "type": "database_query",
        "params": {
            "url": "{{ secrets.database }}",
            "query": "INSERT INTO orders VALUES (:name, :total)",
            "each": "{{ inputs.orders }}",
            "mode": "write",
        },
    },
    {
        "id": "open",
        "type": "database_query",
        "params": {
            "url": "{{ secrets.database }}",
            "query": "SELECT * FROM orders WHERE total > ? ORDER BY name",
            "parameters": [10],
        },
    },
    {
        "id": "book",
        "type": "write_excel",
        "params": {"path": "out/a.xlsx", "rows": "{{ steps.open.output.rows }}"},
    },
    {
        "id": "more",
        "type": "append_excel",
        "params": {"path": "out/a.xlsx", "rows": [{"name": "=1+1", "total": 1}]},
    },
    {
        "id": "pack",
        "type": "zip",
        "params": {"folder": "out", "path": "all.zip", "pattern": "*.xlsx"},
    },
    {
        "id": "unpack",
        "type": "unzip",
        "params": {"path": "all.zip", "folder": "again"},
    },
    {
        "id": "read",
        "type": "read_excel",
        "params": {"path": "{{ steps.unpack.output.files[0].path }}"},
    },
    {
        "id": "report",
        "type": "generate_report",
        "params": {"path": "out/a.html", "data": {"r": "{{ steps.read.output.rows }}"}},
    },
]


def test_from_a_database_to_a_report(engine):
    with engine.scope():
        secret_create(
            by=engine.viewer, name="database", value="sqlite:///data/orders.db"
        )
    document = {
        "schema": 1,
        "name": "Orders",
        "inputs": {"orders": {"type": "array"}},
        "steps": STEPS,
    }
    orders = [{"name": "Bob", "total": 20.5}, {"name": "Ann", "total": 5}]
    execution = engine.run(document, inputs={"orders": orders})
    assert execution.status == "completed", execution.error
    assert engine.output(execution, "fill")["affected"] == 2
    assert engine.output(execution, "read")["rows"] == [
        {"name": "Bob", "total": 20.5},
        {"name": "=1+1", "total": 1},
    ]
    assert engine.output(execution, "report")["bytes"] > 500
