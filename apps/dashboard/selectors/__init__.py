"""What the pages show, read in a fixed number of queries."""

from apps.dashboard.selectors.execution import ExecutionPage
from apps.dashboard.selectors.home import Home
from apps.dashboard.selectors.rows import ExecutionRows
from apps.dashboard.selectors.workflows import WorkflowPage, WorkflowRows, form_of

__all__ = [
    "ExecutionPage",
    "ExecutionRows",
    "Home",
    "WorkflowPage",
    "WorkflowRows",
    "form_of",
]
