"""Small workflows that end as the tests need."""

from typing import Any

Document = dict[str, Any]

FINE: Document = {
    "steps": [
        {"id": "greet", "type": "set_variable", "params": {"name": "a", "value": 1}}
    ]
}
LOOP: Document = {
    "steps": [
        {
            "id": "rows",
            "type": "loop",
            "times": 3,
            "steps": [
                {
                    "id": "mark",
                    "type": "set_variable",
                    "params": {"name": "a", "value": "{{ loop.index }}"},
                }
            ],
        }
    ]
}
FAILS: Document = {
    "steps": [
        *FINE["steps"],
        {
            "id": "look",
            "name": "Look at the <b>total</b>",
            "type": "read_file",
            "params": {"path": "no/such.txt"},
        },
    ]
}
ASKS: Document = {
    "inputs": {
        "customer": {"type": "string", "required": True},
        "count": {"type": "integer", "default": 2},
        "color": {"type": "string", "enum": ["red", "blue"]},
    },
    **FINE,
}
