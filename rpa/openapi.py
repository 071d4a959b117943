"""How drf-spectacular writes the OpenAPI document."""

SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "WebhookStatusEnum": "apps.webhooks.models.Webhook.Status",
        "DeliveryStatusEnum": "apps.webhooks.models.Delivery.Status",
        "WebhookChangeStatusEnum": "apps.webhooks.api.serializers.SETTABLE",
    },
    "TITLE": "RPA platform",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
}
