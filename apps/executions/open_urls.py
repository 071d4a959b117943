"""Routes for whoever has a link, outside of `/api/` and without signing in."""

from django.urls import path

from apps.executions.api import resume

urlpatterns = [
    path("resume/<str:token>", resume.Resume.as_view()),
    path("resume/<str:token>/<path:path>", resume.StepResume.as_view()),
]
