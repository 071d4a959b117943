"""The Celery application: one message is one execution."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")

app = Celery("rpa")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def _add_supervisor(**_: object) -> None:
    from apps.executions.engine.worker import SupervisorStep

    app.steps["worker"].add(SupervisorStep)
