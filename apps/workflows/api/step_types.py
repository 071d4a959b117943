"""Endpoints that describe step types and definitions to forms and editors."""

import inspect

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.core.durations import milliseconds
from apps.core.errors import NotFound
from apps.core.types import JsonObject
from apps.steps import registry
from apps.steps.base import AnyStepType, BlockType
from apps.workflows.api import serializers as data
from apps.workflows.definition.problems import did_you_mean, quoted
from apps.workflows.definition.schema import (
    definition_schema,
    description,
    step_type_schema,
)


def _shown(kind: AnyStepType) -> JsonObject:
    is_block = isinstance(kind, BlockType)
    timeout = None if isinstance(kind, BlockType) else kind.timeout
    return {
        "name": kind.name,
        "group": kind.group,
        "description": description(kind),
        "documentation": inspect.getdoc(type(kind)) or "",
        "is_block": is_block,
        "effect": None if isinstance(kind, BlockType) else kind.effect.value,
        "on_crash": None if isinstance(kind, BlockType) else kind.on_crash.value,
        "timeout_ms": None if timeout is None else milliseconds(timeout),
        "needs_browser": not isinstance(kind, BlockType) and kind.needs_browser,
        "schema": step_type_schema(kind),
    }


class StepTypesView(ApiView):
    """The step library."""

    required_role = "viewer"

    @extend_schema(responses=data.StepTypeList, operation_id="step_types_list")
    def get(self, request: Request) -> Response:
        """List all step types with the schema of their parameters."""
        found = [_shown(kind) for kind in registry.all_types()]
        return Response({"results": found, "next": None})


class StepTypeView(ApiView):
    """One step type."""

    required_role = "viewer"

    @extend_schema(responses=data.StepTypeOutput)
    def get(self, request: Request, name: str) -> Response:
        """Describe a step type and its parameters."""
        kind = registry.find(name)
        if kind is None:
            near = did_you_mean(name, registry.near_misses(name[:100]))
            raise NotFound(f"There is no step type {quoted(name)}{near}")
        return Response(_shown(kind))


class DefinitionSchemaView(ApiView):
    """The JSON Schema of definitions."""

    required_role = "viewer"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Give the JSON Schema of a whole definition."""
        return Response(definition_schema())
