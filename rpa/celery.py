"""The Celery application: one message is one execution."""

import os

from celery import Celery
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")

# Without Celery's fix-up for Django: it closes every database connection before and
# after each task. `manage.py` sets Django up, and a child keeps its connection.
app = Celery("rpa", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(lambda: [room.name for room in apps.get_app_configs()])


@app.on_after_finalize.connect
def _add_supervisor(**_: object) -> None:
    from apps.executions.engine.worker import SupervisorStep

    app.steps["worker"].add(SupervisorStep)
