"""Outbound webhooks: events sent to URLs that organizations name."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "apps.webhooks"
    label = "webhooks"
