"""Executions and the engine that runs them."""

import importlib

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "apps.executions"
    label = "executions"

    def ready(self) -> None:
        # Whoever rings the bell needs the configured Celery application.
        importlib.import_module("rpa.celery")
