"""Which pages there are, which pictures in docs/screenshots show them, and their index.

A page that is added later gets a line here: a test looks for its address.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.views import APIView

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES = ("light", "dark")
# The admin has the same five pages for every model.
MODEL_PAGES = ("changelist", "add", "change", "history", "delete")


@dataclass(frozen=True)
class Picture:
    """A page in one state, in both widths and both schemes.

    Attributes:
        route: name of the page's address; empty for what answers at any.
    """

    name: str
    title: str
    route: str

    @property
    def files(self) -> list[str]:
        return [f"{self.name}-{w}-{s}.png" for w in WIDTHS for s in SCHEMES]


_PAGES = {
    "home": "Home",
    "workflows": "Workflows",
    "workflow": "A workflow",
    "workflow-runs": "A workflow's executions",
    "workflow-versions": "A workflow's versions, with what differs",
    "workflow-schedules": "A workflow's schedules",
    "workflow-settings": "A workflow's settings",
    "workflow-editor": "The editor",
    "workflow-new": "The editor with a new workflow",
    "executions": "Executions",
    "templates": "Templates",
    "schedules": "Schedules",
    "notifications": "Notifications",
    "analytics": "Analytics",
    "sign-in": "Sign in",
}
_MORE = (
    ("workflow-editor-mistake", "The editor with a mistake", "workflow-editor"),
    ("workflow-editor-completion", "The editor completing", "workflow-editor"),
    ("workflow-editor-test", "The editor trying one step", "workflow-editor"),
    ("workflow-editor-no-run", "Nothing to run from here", "workflow-editor"),
    ("executions-filtered", "Executions, filtered", "executions"),
    ("execution-failed", "An execution that failed", "execution"),
    ("execution-queued", "An execution in the queue", "execution"),
    ("execution-done", "An execution that completed", "execution"),
    ("execution-asks", "An execution that waits for a decision", "execution"),
    ("execution-logs", "An execution's log", "logs"),
    ("execution-artifacts", "All files of an execution", "artifacts"),
    ("execution-step", "A step", "step"),
    ("execution-retry", "Retry, as a page", "retry"),
    ("execution-retry-dialog", "Retry, as a dialog", "execution"),
    ("approve", "A decision by the link of a mail", "approve"),
    ("approve-problem", "A link that does not work", "approve"),
    ("not-found", "An execution that is not there", "execution"),
)
_ADMIN = (
    ("admin-sign-in", "Operators: sign in", "login"),
    ("admin", "Operators: the first page", "index"),
    ("admin-executions", "Operators: executions", "changelist"),
    ("admin-execution", "Operators: an execution", "change"),
    ("admin-workers", "Operators: workers", "changelist"),
    ("admin-worker", "Operators: a worker", "change"),
    ("admin-membership", "Operators: a new membership", "add"),
    ("admin-history", "Operators: what was done to a worker", "history"),
    ("admin-delete", "Operators: before a membership is deleted", "delete"),
    (
        "admin-announce",
        "Operators: announcing maintenance",
        "accounts_organization_announce",
    ),
    ("admin-password", "Operators: a new password", "password_change"),
    ("admin-room", "Operators: the models of one room", "app_list"),
)
PICTURES = (
    *(Picture(name, title, f"dashboard:{name}") for name, title in _PAGES.items()),
    *(Picture(name, title, f"dashboard:{route}") for name, title, route in _MORE),
    Picture("no-such-address", "An address that is not there", ""),
    *(Picture(name, title, f"admin:{route}") for name, title, route in _ADMIN),
)
# Addresses that are no page of ours, with the reason.
WITHOUT = {
    "dashboard:logs-text": "a file to download",
    "dashboard:retry-preview": "a sentence for the retry dialog, which is shown",
    "docs": "drf-spectacular's page of the API",
    "admin:logout": "leads to the sign-in page",
    "admin:password_change_done": "says that the password was changed",
    "admin:search": "unfold's search, which is switched off",
    "admin:autocomplete": "JSON",
    "admin:jsi18n": "a script",
    "admin:view_on_site": "leads elsewhere",
    "admin:None": "leads elsewhere, or to what is not there",
}
# The practice site is made for robots; people see it as it was fifteen years ago.
_OTHER_SITES = ("demo:",)


def pages() -> Iterator[str]:
    """Names of all addresses at which a browser gets HTML."""
    for name, pattern in _patterns(get_resolver()):
        if not name.startswith(_OTHER_SITES) and _is_page(pattern):
            yield name


def _patterns(
    resolver: URLResolver, space: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _patterns(one, f"{one.namespace}:" if one.namespace else space)
        else:
            yield f"{space}{_kind(str(one.name))}", one


def _kind(name: str) -> str:
    """Of the name of a model's page in the admin, what all models have."""
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}_"
        if name.removeprefix(label) in MODEL_PAGES:
            return name.removeprefix(label)
    return name


def _is_page(pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "view_class", None)
    view = view or getattr(pattern.callback, "cls", None)
    if view is None:
        return True
    if issubclass(view, APIView):
        return TemplateHTMLRenderer in view.renderer_classes
    has_get = hasattr(view, "get") and "get" in view.http_method_names
    return has_get and not issubclass(view, RedirectView)


def index() -> str:
    """The README of the folder: all pictures, small, each leading to the large one."""
    head = " | ".join(f"{width}, {scheme}" for width in WIDTHS for scheme in SCHEMES)
    rows = [
        f"| {one.title} | {' | '.join(map(_cell, one.files))} |" for one in PICTURES
    ]
    return "\n".join(
        (
            "# Pictures of all pages",
            "",
            "1,280 and 390 pixels wide, light and dark. "
            "[Contributing](../../CONTRIBUTING.md#check) says how they are made.",
            "",
            f"| page | {head} |",
            f"| --- {'| --- ' * 4}|",
            *rows,
            "",
        )
    )


def _cell(file: str) -> str:
    width = 240 if "-wide-" in file else 100
    return f'<a href="{file}"><img src="{file}" width="{width}" alt="{file}"></a>'
