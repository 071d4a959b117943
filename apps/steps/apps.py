"""The step library."""

from django.apps import AppConfig

from apps.steps import registry


class StepsConfig(AppConfig):
    name = "apps.steps"
    label = "steps"

    def ready(self) -> None:
        registry.load()
