"""Endpoints of signing in: `/api/auth/…`."""

import uuid
from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import permissions, selectors
from apps.accounts.api import serializers as io
from apps.accounts.authentication import (
    BearerAuthentication,
    CookieAuthentication,
    address_of,
    asked_organization,
)
from apps.accounts.services import profile, registration, signing_in
from apps.accounts.services.registration import Registered
from apps.accounts.viewer import NO_ORGANIZATION
from apps.core import tenancy
from apps.core.api.views import ApiView
from apps.core.durations import milliseconds

_PAGE_SESSION = "page_sign_in"


def end_page_session(request: Any) -> None:
    """End the sign-in that scripts of this session's pages used, if any."""
    if known := request.session.get(_PAGE_SESSION):
        signing_in.sign_in_end(uuid.UUID(known))


class OpenView(ApiView):
    """An endpoint for those who have not signed in; tokens sent along do not count."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def _registered(made: Registered) -> dict[str, Any]:
    return dict(
        io.RegisteredOutput(
            {
                **asdict(made.tokens),
                "user": made.user,
                "organization": made.organization,
            }
        ).data
    )


class Register(OpenView):
    """Make an account, with an organization or by an invitation."""

    @extend_schema(request=io.RegisterInput, responses={201: io.RegisteredOutput})
    def post(self, request: Request) -> Response:
        made = registration.register(
            **self.body(io.RegisterInput), address=address_of(request)
        )
        return Response(_registered(made), status=201)


class Token(OpenView):
    """Sign in with e-mail and password."""

    @extend_schema(request=io.TokenInput, responses=io.TokensOutput)
    def post(self, request: Request) -> Response:
        pair = signing_in.sign_in(
            **self.body(io.TokenInput),
            organization=asked_organization(request),
            address=address_of(request),
        )
        return Response(asdict(pair))


class Refresh(OpenView):
    """Exchange a refresh token for new tokens, once."""

    @extend_schema(request=io.RefreshInput, responses=io.TokensOutput)
    def post(self, request: Request) -> Response:
        token = self.body(io.RefreshInput)["refresh"]
        pair = signing_in.refresh(token=token, organization=asked_organization(request))
        return Response(asdict(pair))


class Logout(OpenView):
    """End a sign-in with all its tokens."""

    @extend_schema(request=io.RefreshInput, responses={204: None})
    def post(self, request: Request) -> Response:
        signing_in.sign_out(token=self.body(io.RefreshInput)["refresh"])
        return Response(status=204)


class Me(ApiView):
    """The signed-in user."""

    required_role = permissions.ANYONE

    @extend_schema(responses=io.MeOutput)
    def get(self, request: Request) -> Response:
        return Response(self._me(self.viewer.user))

    @extend_schema(request=io.ProfileInput, responses=io.MeOutput)
    def patch(self, request: Request) -> Response:
        user, access = profile.profile_update(
            viewer=self.viewer, **self.body(io.ProfileInput)
        )
        return Response({**self._me(user), **({"access": access} if access else {})})

    def _me(self, user: Any) -> dict[str, Any]:
        organization = selectors.organization_get(viewer=self.viewer)
        place = io.OrganizationOutput(organization).data if organization else None
        return {
            **io.UserOutput(user).data,
            "role": self.viewer.role,
            "organization": place,
        }


class PageToken(ApiView):
    """A token for the WebSocket alone, for pages whose users signed in by cookie."""

    authentication_classes = (CookieAuthentication, BearerAuthentication)
    required_role = permissions.ANYONE

    @extend_schema(request=None, responses=io.PageTokenOutput)
    def post(self, request: Request) -> Response:
        known = self.viewer.sign_in_id or request.session.get(_PAGE_SESSION)
        place = self.viewer.organization_id
        token, sign_in = signing_in.page_token(
            self.viewer.user,
            sign_in_id=uuid.UUID(str(known)) if known else None,
            organization_id=None if place == NO_ORGANIZATION else place,
            address=self.viewer.address,
        )
        if self.viewer.sign_in_id is None and known != str(sign_in.id):
            request.session[_PAGE_SESSION] = str(sign_in.id)
        lifetime = milliseconds(settings.ACCESS_TOKEN_LIFETIME)
        return Response({"token": token, "expires_in_ms": lifetime})


class AcceptInvitation(ApiView):
    """Become a member by an invitation, signed in or with a new account."""

    permission_classes = (AllowAny,)

    @extend_schema(request=io.AcceptInput, responses={201: io.RegisteredOutput})
    def post(self, request: Request) -> Response:
        values: dict[str, Any] = {"email": None, "password": None, "name": ""}
        values |= self.body(io.AcceptInput)
        user = self.viewer.require_user() if self.viewer else None
        with tenancy.system():
            made = registration.invitation_accept(
                **values, user=user, address=address_of(request)
            )
        return Response(_registered(made), status=201)
