"""Base views: sign-in, permission, then the organization's rows and no others."""

from contextlib import ExitStack
from typing import Any, TypeVar

from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.core import tenancy
from apps.core.api.pagination import CursorPagination
from apps.core.api.serializers import FilterSerializer

M = TypeVar("M", bound=Model)


class Scoped(APIView):
    """Runs each handler in one transaction that sees one organization.

    Sign-in looks across organizations in a scope of its own; the permission check
    comes before the organization's scope opens. Any error rolls the transaction
    back.
    """

    _scope: ExitStack
    _is_scoped = False

    @property
    def viewer(self) -> Any:
        """Who asks: an `apps.accounts.viewer.Viewer` (core stands below accounts)."""
        return self.request.auth

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            with ExitStack() as self._scope:
                return super().dispatch(request, *args, **kwargs)
        except DatabaseError as error:
            # Deferred constraints speak at the commit, after the handler.
            self._is_scoped = False
            return self._answer(error, *args, **kwargs)

    def _answer(self, error: Exception, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = self.handle_exception(error)
        return self.finalize_response(self.request, response, *args, **kwargs)

    def initialize_request(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Request:
        if "CONTENT_LENGTH" not in request.META and request.method != "GET":
            # A body sent in chunks has no length; DRF would take it for none.
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.viewer is not None:
            scope = tenancy.tenant(self.viewer.organization_id)
            self._scope.enter_context(scope)
            self._is_scoped = True

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if self._is_scoped:
            transaction.set_rollback(True)
        return response

    def filters(self, kind: type[FilterSerializer]) -> dict[str, Any]:
        """The query parameters as `kind` reads them.

        Raises:
            ValidationError: unknown or wrong ones.
        """
        read = kind(data=self.request.query_params.dict())
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def body(self, kind: type[BaseSerializer[Any]], **options: Any) -> dict[str, Any]:
        """The request's body as `kind` reads it.

        Raises:
            ValidationError: it does not fit.
        """
        read = kind(data=self.request.data, **options)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def page(
        self, queryset: QuerySet[Any], output: type[BaseSerializer[Any]]
    ) -> Response:
        """One page of a list, written by `output`."""
        paginator = CursorPagination()
        rows = paginator.paginate_queryset(queryset, self.request, view=self)
        return paginator.get_paginated_response(output(rows, many=True).data)


class ApiView(Scoped):
    """An endpoint with a handler for each method."""


class ApiViewSet(Scoped, GenericViewSet[M]):
    """Endpoints of one kind of object."""
