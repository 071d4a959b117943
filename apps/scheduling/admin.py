"""The system's own jobs in the operators' admin; beat owns them."""

from django.contrib import admin
from django_celery_beat import models

from apps.core.operators.base import ReadOnlyAdmin


class JobAdmin(ReadOnlyAdmin):
    """A job or what it runs by; the library's own pages would let it be changed."""

    ids = ()


for model in (
    models.PeriodicTask,
    models.IntervalSchedule,
    models.CrontabSchedule,
    models.SolarSchedule,
    models.ClockedSchedule,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
    admin.site.register(model, JobAdmin)
