"""Base classes of the admin's pages, made for tables with a million rows."""

import json
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin as UnfoldAdmin

from apps.core.operators.paging import InfinitePaginator

if TYPE_CHECKING:  # neither class takes a parameter at run time
    _Admin = admin.ModelAdmin[Any]
    _Filter = admin.SimpleListFilter
else:
    _Admin = UnfoldAdmin
    _Filter = admin.SimpleListFilter


class OperatorsAdmin(_Admin):
    """A list that counts nothing and searches by index only.

    Attributes:
        ids: columns with an index that a typed id is looked for in.
        words: the same for words, as Django's lookups.
        plural: what its rows are called, where an s is not enough.

    What can be done with many rows of the list can be done with one on its own page.
    """

    ids: ClassVar[tuple[str, ...]] = ("id",)
    words: ClassVar[tuple[str, ...]] = ()
    plural: ClassVar[str] = ""
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_disable_select_all = True
    ordering = ("-pk",)
    # By any other column it would sort all rows.
    sortable_by = ()
    change_form_outer_before_template = "operators/actions.html"
    ON_ITS_PAGE: ClassVar[str] = "_on_its_page"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the list's actions; deleting has a page and a button already."""
        if kwargs.get("change"):
            name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
            context["row_actions_at"] = f"{self.admin_site.name}:{name}"
            context["row_actions"] = [
                (action, found[2])
                for action, found in self.get_actions(request).items()
                if found and action != "delete_selected"
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Back to the row's page when the action was asked for there."""
        answer = super().response_action(request, queryset, *args, **kwargs)
        here, row = request.get_full_path(), request.POST.get(self.ON_ITS_PAGE)
        if row and answer is not None and getattr(answer, "url", "") == here:
            name = f"{self.opts.app_label}_{self.opts.model_name}_change"
            return redirect(f"{self.admin_site.name}:{name}", row)
        return answer

    def get_paginator(
        self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any
    ) -> Paginator[Any]:
        """Counts what was done to one row, its history: that is little."""
        if queryset.model is LogEntry and self.model is not LogEntry:
            return Paginator(queryset, *args)
        return super().get_paginator(request, queryset, *args, **kwargs)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Not used to search; without any the field is not shown."""
        return self.ids + self.words

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that have just this id, or a word that is looked up by an index."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        wanted = Q(pk__in=[])
        try:
            for name in self.ids:
                wanted |= Q(**{name: uuid.UUID(term)})
        except ValueError:
            pass
        for name in self.words:
            wanted |= Q(**{name: term})
        return queryset.filter(wanted), False


class ReadOnlyAdmin(OperatorsAdmin):
    """Rows that only the platform writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class KnownWords(_Filter):
    """A filter whose choices are known: asking a million rows for them takes long."""

    choices_known: ClassVar[tuple[str, ...]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word) for word in self.choices_known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        word = self.value()
        name = str(self.parameter_name)
        return queryset.filter(**{name: word}) if word else queryset


def preformatted(value: Any) -> SafeString:
    """A JSON value as it may be shown on a page: escaped, and bounded."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="op-pre">{}</pre>', text[:100_000])
