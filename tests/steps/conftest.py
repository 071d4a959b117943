"""What the tests of step types share."""

from tests.fixtures_http import http_server
from tests.fixtures_steps import run_step, step_ctx

__all__ = ["http_server", "run_step", "step_ctx"]
