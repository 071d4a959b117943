"""What the demo site remembers: attempts at the challenge and received webhooks.

These tables hold made data alone and belong to no organization.
"""

from django.db import models

from apps.core.models import BaseModel


class DemoAttempt(BaseModel):
    """One go at the ten forms; begins when its row is made.

    open → finished (`finished_at` set with the tenth round)
    """

    finished_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"attempt {self.id}"

    @property
    def seed(self) -> str:
        """What the layouts of all its rounds come from."""
        return self.id.hex


class DemoRound(BaseModel):
    """A submitted form; `answers` by label, `right` of them as in the file."""

    attempt = models.ForeignKey(
        DemoAttempt, on_delete=models.CASCADE, related_name="rounds"
    )
    number = models.PositiveSmallIntegerField()
    answers = models.JSONField()
    right = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "number"], name="demo_round_once"
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.number}: {self.right} right"


class DemoHook(BaseModel):
    """A JSON body that was posted to the webhook; a key is counted once."""

    key = models.CharField(max_length=255, blank=True)
    payload = models.JSONField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=~models.Q(key=""), name="demo_hook_once"
            ),
        ]

    def __str__(self) -> str:
        return f"hook {self.id}"
