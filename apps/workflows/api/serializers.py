"""What the endpoints of workflows take and give."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.core.api.serializers import (
    FilterSerializer,
    LineField,
    StrictSerializer,
    TextField,
)
from apps.workflows.services.secrets import SHORTEST_MASKED

MOST_TAGS = 50


# The query parameters of every list.
PAGING = [
    OpenApiParameter("limit", int, description="Rows of a page, up to 200."),
    OpenApiParameter("cursor", str, description="As in the `next` of a page."),
    OpenApiParameter("ordering", str, description="A field; `-` before it turns it."),
]


class TitleInput(StrictSerializer):
    """What people call a version, or its workflow."""

    name = LineField(max_length=200, required=False)
    comment = LineField(max_length=500, required=False, allow_blank=True)


class WorkflowInput(TitleInput):
    """A new workflow."""

    definition = serializers.JSONField()


class WorkflowChange(TitleInput):
    """A change of a workflow; what is left out stays as it is."""

    definition = serializers.JSONField(required=False)
    description = TextField(max_length=10_000, required=False, allow_blank=True)
    tags = serializers.ListField(
        child=LineField(max_length=64), max_length=MOST_TAGS, required=False
    )
    version = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The version that was changed; refused when it is not the current.",
    )


class ChangeFilter(FilterSerializer):
    """What goes with a change that is sent as YAML; with JSON it is in the body."""

    version = serializers.IntegerField(min_value=1, required=False)
    comment = LineField(max_length=500, required=False, allow_blank=True)


class DefinitionInput(StrictSerializer):
    """A definition to be checked."""

    name = LineField(max_length=200, required=False)
    definition = serializers.JSONField()


class DuplicateInput(StrictSerializer):
    """How the copy is called."""

    name = LineField(max_length=200, required=False)


class WorkflowFilter(FilterSerializer):
    """Query parameters of the list of workflows."""

    search = LineField(max_length=200, required=False, default="")
    tag = LineField(max_length=64, required=False, default="")
    archived = serializers.ChoiceField(
        choices=["false", "true", "all"], required=False, default="false"
    )


class CompareFilter(FilterSerializer):
    """Which versions to compare; by default the current with the one before."""

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's, so it cannot be declared in the class.
        names = ("from", "to")
        return {
            name: serializers.IntegerField(
                min_value=1, max_value=2**31 - 1, required=False
            )
            for name in names
        }


class ExportFilter(FilterSerializer):
    """The format of an exported definition."""

    format = serializers.ChoiceField(
        choices=["yaml", "json"], required=False, default="yaml"
    )
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class ImportFilter(FilterSerializer):
    """Whether to make a new version of the workflow that has the name."""

    replace = serializers.ChoiceField(
        choices=["false", "true"], required=False, default="false"
    )


class WorkflowOutput(serializers.Serializer[Any]):
    """A workflow in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    version = serializers.IntegerField(source="current_version.number")
    is_archived = serializers.BooleanField()
    archived_at = serializers.DateTimeField(allow_null=True)
    created_by = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class WorkflowDetail(WorkflowOutput):
    """A workflow with its current definition."""

    definition = serializers.JSONField(source="current_version.document")
    # The serializer takes its fields out of the class, where the name has a meaning.
    source = serializers.CharField(  # type: ignore[assignment]
        source="current_version.source",
        help_text="The YAML as its author wrote it; empty when there is none.",
    )


class VersionOutput(serializers.Serializer[Any]):
    """A version in a list."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    comment = serializers.CharField()
    digest = serializers.CharField()
    created_by = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


class VersionDetail(VersionOutput):
    """A version with its definition."""

    definition = serializers.JSONField(source="document")
    # The serializer takes its fields out of the class, where the name has a meaning.
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="The YAML as its author wrote it; empty when there is none."
    )


class ChangeOutput(serializers.Serializer[Any]):
    """One difference between two versions."""

    path = serializers.CharField()
    kind = serializers.ChoiceField(choices=["added", "removed", "changed", "moved"])
    step = serializers.CharField(allow_blank=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class Comparison(serializers.Serializer[Any]):
    """All differences between two versions."""

    changes = ChangeOutput(many=True)

    def get_fields(self) -> dict[str, Any]:
        names = ("from", "to")
        ends = {name: serializers.IntegerField() for name in names}
        return {**ends, **super().get_fields()}


class Verdict(serializers.Serializer[Any]):
    """The answer to a valid definition."""

    valid = serializers.BooleanField()


class SecretInput(StrictSerializer):
    """A new secret."""

    name = LineField(max_length=64)
    value = serializers.CharField(trim_whitespace=False, write_only=True)
    description = TextField(max_length=2000, required=False, allow_blank=True)


class SecretChange(StrictSerializer):
    """A change of a secret; what is left out stays as it is."""

    value = serializers.CharField(
        trim_whitespace=False, write_only=True, required=False
    )
    description = TextField(max_length=2000, required=False, allow_blank=True)


class SecretFilter(FilterSerializer):
    """Query parameters of the list of secrets."""

    search = LineField(max_length=64, required=False, default="")


class SecretOutput(serializers.Serializer[Any]):
    """A secret without its value, which nobody gets back."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    created_by = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class SecretSaved(SecretOutput):
    """A secret that was written, with what is weak about it."""

    warnings = serializers.ListField(child=serializers.CharField())


def secret_warnings(value: str | None) -> list[str]:
    """What the writer of a secret's value should know."""
    if value is None or len(value) >= SHORTEST_MASKED:
        return []
    return [
        f"The value is shorter than {SHORTEST_MASKED} characters, so it is not masked "
        "where a site repeats it."
    ]


class KeptSessionOutput(serializers.Serializer[Any]):
    """Cookies and storage that a workflow's browser keeps; never what they hold."""

    name = serializers.CharField()
    cookies = serializers.IntegerField()
    sites = serializers.IntegerField(help_text="Sites with something in storage.")
    size_bytes = serializers.IntegerField()
    execution_id = serializers.UUIDField(
        allow_null=True, help_text="The execution that saved it last."
    )
    created_at = serializers.DateTimeField()
    saved_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField()


class Page(serializers.Serializer[Any]):
    """A page of a list, and where the next one is."""

    next = serializers.URLField(allow_null=True)


class WorkflowPage(Page):
    """A page of workflows."""

    results = WorkflowOutput(many=True)


class VersionPage(Page):
    """A page of versions."""

    results = VersionOutput(many=True)


class SecretPage(Page):
    """A page of secrets."""

    results = SecretOutput(many=True)


class KeptSessionPage(Page):
    """A page of kept sessions."""

    results = KeptSessionOutput(many=True)


class StepTypeOutput(serializers.Serializer[Any]):
    """A step type."""

    name = serializers.CharField()
    group = serializers.CharField()
    description = serializers.CharField()
    documentation = serializers.CharField()
    is_block = serializers.BooleanField()
    effect = serializers.CharField(allow_null=True)
    on_crash = serializers.CharField(allow_null=True)
    timeout_ms = serializers.IntegerField(allow_null=True)
    needs_browser = serializers.BooleanField()
    schema = serializers.JSONField()


class StepTypeList(Page):
    """All step types; there is never a next page."""

    results = StepTypeOutput(many=True)
