"""The demo site alone: its tests need no other room of the platform."""

from django.urls import include, path

urlpatterns = [path("demo/", include("apps.demo.urls"))]
