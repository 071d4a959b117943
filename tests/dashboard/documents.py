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
SCRIPTED: Document = {
    "name": "<script>window.wasRun = 1</script>",
    "description": "<script>window.wasRun = 1</script><img src=x onerror=wasRun=1>",
    "tags": ["<script>window.wasRun = 1</script>"],
    "inputs": {
        "a": {"type": "string", "default": "<script>window.wasRun = 1</script>"}
    },
    "steps": [
        {
            "id": "say",
            "name": "<script>window.wasRun = 1</script>",
            "type": "set_variable",
            "params": {"name": "a", "value": "{{ inputs.a }}"},
        },
        {
            "id": "fail",
            "type": "stop",
            "params": {"status": "failed", "message": "</pre>{{ inputs.a }}"},
        },
    ],
}
