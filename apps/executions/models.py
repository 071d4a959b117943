"""Executions, their step records and artifacts, and the workers that run them.

The large tables can be partitioned by time later: their keys begin with a UUIDv7
and no unique constraint stands without it.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.core.fields import OrderedJSONField
from apps.core.models import BaseModel, TenantModel

_NO_LABELS = models.Value({}, models.JSONField())


class Execution(TenantModel):
    """One run of one version of a workflow.

    States::

        queued ──claim──▶ running ──▶ completed | failed | cancelled
           ▲                │  ▲
           │ lease lost     │  └── due, woken (by way of queued)
           └────────────────┘
                 waiting ◀── parked by a delay, a retry's pause, a child

    A running row is leased: `lease_owner` names the worker's child, `lease_token`
    grows with each claim and fences every later write, `lease_until` is renewed by
    the worker's supervisor. Times that decide anything are the database's.

    Which queued execution is next: within an organization the one with the smallest
    `order_at`, the time it was queued less what its priority is worth; so a low
    priority grows with age and nothing waits for ever. One that `is_held` has to
    wait until others with its `limit_key` have ended (see `engine.limits`).
    """

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    OPEN: ClassVar[frozenset[str]] = frozenset({QUEUED, RUNNING, WAITING})
    FINAL: ClassVar[frozenset[str]] = frozenset({COMPLETED, FAILED, CANCELLED})
    STATUSES: ClassVar[tuple[str, ...]] = (
        QUEUED,
        RUNNING,
        WAITING,
        COMPLETED,
        FAILED,
        CANCELLED,
    )
    TRIGGERS: ClassVar[tuple[str, ...]] = (
        "api",
        "cli",
        "manual",
        "retry",
        "schedule",
        "test",
        "webhook",
        "workflow",
    )

    workflow = models.ForeignKey(
        "workflows.Workflow", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    version = models.ForeignKey(
        "workflows.WorkflowVersion",
        models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    status = models.TextField(default=QUEUED)
    reason = models.TextField(default="", blank=True)
    error = models.JSONField(null=True)
    trigger = models.TextField()
    triggered_by = models.UUIDField(null=True)
    priority = models.SmallIntegerField(default=5)
    pool = models.TextField(default="default")
    dry_run = models.BooleanField(default=False)
    inputs = models.JSONField(default=dict)
    # Its parent handed on secrets, which stand there as placeholders.
    has_masked_inputs = models.BooleanField(default=False)
    variables = models.JSONField(default=dict)
    outputs = models.JSONField(default=dict)
    # The version's, and on top those given at the start: texts by name.
    labels = models.JSONField(default=dict, db_default=_NO_LABELS)

    queued_at = models.DateTimeField(db_default=Now())
    order_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True)
    running_ms = models.BigIntegerField(default=0)
    timeout_ms = models.BigIntegerField(null=True)

    cancel_requested_at = models.DateTimeField(null=True)
    cancelled_by = models.UUIDField(null=True)

    lease_owner = models.TextField(default="", blank=True)
    lease_token = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    deliveries = models.SmallIntegerField(default=0)
    # Something it may wait for has happened; see `engine.leases.wake`.
    wake_requested = models.BooleanField(default=False)
    # Somebody waits for its end: tell them by NOTIFY.
    is_awaited = models.BooleanField(default=False)

    limit_key = models.TextField(default="", blank=True)
    limit_size = models.IntegerField(null=True)
    is_held = models.BooleanField(default=False)

    # Set for the test of one step; see `engine.one_step`.
    test = models.JSONField(null=True)

    retry_of = models.UUIDField(null=True)
    reused_steps = models.IntegerField(default=0)
    parent_id = models.UUIDField(null=True)
    # The parent does not end before it: then it may use the parent's place.
    is_waited_for = models.BooleanField(default=False)
    depth = models.SmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=[
                        "queued",
                        "running",
                        "waiting",
                        "completed",
                        "failed",
                        "cancelled",
                    ]
                ),
                name="execution_status",
            ),
            # A running row without a lease would never be taken over.
            models.CheckConstraint(
                condition=~models.Q(status="running")
                | models.Q(lease_until__isnull=False),
                name="execution_lease",
            ),
            models.CheckConstraint(
                condition=models.Q(priority__range=(0, 9)), name="execution_priority"
            ),
        ]
        indexes = [
            # Lists by organization go by its unique key, (organization_id, id).
            models.Index(fields=["workflow", "-id"], name="execution_by_workflow"),
            models.Index(
                fields=["status", "due_at"],
                name="execution_open",
                condition=models.Q(status__in=["queued", "running", "waiting"]),
            ),
            models.Index(
                fields=["pool", "organization_id", "order_at", "id"],
                name="execution_queue",
                condition=models.Q(status="queued", is_held=False),
            ),
            models.Index(
                fields=["limit_key", "order_at"],
                name="execution_limited",
                condition=models.Q(status__in=["queued", "running", "waiting"])
                & ~models.Q(limit_key=""),
            ),
            models.Index(
                fields=["retry_of"],
                name="execution_retries",
                condition=models.Q(retry_of__isnull=False),
            ),
            models.Index(
                fields=["parent_id"],
                name="execution_children",
                condition=models.Q(parent_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def is_final(self) -> bool:
        return self.status in self.FINAL


class StepRecord(models.Model):
    """One attempt of one step of one execution.

    States: `running | waiting | completed | failed | skipped | cancelled | unknown`.
    `unknown` is a `write` step that was started when its worker died, until its
    `on_crash` decides. `is_final` tells a failed attempt that will be tried again
    from one that will not.

    The key is execution id + path + attempt; writes go through the journal only
    (`engine/journal.py`), fenced by the execution's lease token.
    """

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    pk = models.CompositePrimaryKey("execution_id", "path", "attempt")
    execution_id = models.UUIDField()
    path = models.TextField()
    attempt = models.IntegerField(default=1)
    organization_id = models.UUIDField(editable=False)
    position = models.IntegerField()
    step_id = models.TextField()
    type = models.TextField()
    name = models.TextField(default="")
    effect = models.TextField(default="none")
    status = models.TextField()
    is_final = models.BooleanField(default=True)
    started_at = models.DateTimeField()
    duration_ms = models.IntegerField(null=True)
    output = OrderedJSONField(null=True)
    # Outputs above the inline limit stand here, compressed by zlib.
    output_packed = models.BinaryField(null=True)
    error = models.JSONField(null=True)
    warnings = models.JSONField(default=list)
    variables = OrderedJSONField(default=dict)
    # What a waiting step needs to go on, and the browser's checkpoint.
    state = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["execution_id", "position"], name="step_by_position"),
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.status}"


class Artifact(TenantModel):
    """A file that an execution made, such as a screenshot.

    Attributes:
        path, attempt: the step's.
        kind: what the engine kept it as evidence of: `screenshot`, `dom`, `console`,
            `requests` or `har`; empty for what a step made by itself.
    """

    execution_id = models.UUIDField()
    path = models.TextField()
    attempt = models.IntegerField(default=1, db_default=1)
    kind = models.TextField(default="", db_default="", blank=True)
    name = models.TextField()
    content_type = models.TextField()
    bytes = models.BigIntegerField()
    file = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["execution_id", "id"], name="artifact_of")]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(TenantModel):
    """Which execution a caller's key has started already."""

    workflow_id = models.UUIDField()
    key = models.TextField()
    fingerprint = models.TextField()
    execution_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "workflow_id", "key"],
                name="idempotency_key_once",
            )
        ]
        # Keys go with their execution: without it each deletion would look at all.
        indexes = [models.Index(fields=["execution_id"], name="idempotency_key_of")]

    def __str__(self) -> str:
        return self.key


class Wait(TenantModel):
    """Something outside that a parked step waits for: a decision, or a call.

    States: open → answered (by a person or a caller) | expired | closed (the
    execution ended). An answer is given once: by a conditional update of
    `answered_at`.

    Attributes:
        kind: `approval` or `webhook`.
        path: the step's; empty for a call of the execution's own resume URL, which
            names no step.
        attempt: the step's; `EARLY` for a call that came before its step was there.
            Such a row is closed when a step has taken its answer.
        details: what the step asks for, and of whom.
        answer: what came: `{decision, reason, by}` or `{body, headers, query}`.
    """

    APPROVAL = "approval"
    WEBHOOK = "webhook"
    EARLY = 0

    execution_id = models.UUIDField()
    path = models.TextField()
    attempt = models.IntegerField()
    kind = models.TextField()
    details = models.JSONField(default=dict)
    expires_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.UUIDField(null=True)
    answer = models.JSONField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["execution_id", "path", "attempt"], name="wait_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["organization_id", "kind", "id"],
                name="wait_open",
                condition=models.Q(answered_at=None, closed_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


class Hook(TenantModel):
    """A workflow's own URL: who knows its token may start it.

    Attributes:
        token_hash: SHA-256 of the token, in hexadecimal; how a call finds it.
        encrypted: the token, so that its URL can be shown again.
    """

    workflow_id = models.UUIDField()
    token_hash = models.TextField(unique=True)
    encrypted = models.TextField()
    is_enabled = models.BooleanField(default=True)
    created_by = models.UUIDField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "workflow_id"], name="hook_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.workflow_id)


class Worker(BaseModel):
    """A worker process that said it is there; no tenant's data.

    Attributes:
        active: how many executions it runs, as of `last_seen_at`.
        heard_at: when it last heard its own canary over the broker.
        drain_requested_at: since then it takes nothing new.
    """

    name = models.TextField(unique=True)
    host = models.TextField()
    process_id = models.IntegerField()
    pool = models.TextField()
    capacity = models.IntegerField()
    active = models.IntegerField(default=0)
    version = models.TextField()
    last_seen_at = models.DateTimeField(db_default=Now())
    heard_at = models.DateTimeField(null=True)
    drain_requested_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
