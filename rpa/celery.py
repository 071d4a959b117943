"""The Celery application: one message is one execution."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")

app = Celery("rpa")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
