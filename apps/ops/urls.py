"""Routes of operations."""

from django.urls import path

from apps.ops.api import Health, Live

urlpatterns = [
    path("api/health", Health.as_view()),
    path("api/health/live", Live.as_view()),
]
