"""All routes; each room owns its part."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/", include("apps.accounts.urls")),
    path("api/", include("apps.executions.urls")),
    path("api/", include("apps.workflows.urls")),
    path("api/", include("apps.webhooks.urls")),
    path("", include("apps.executions.open_urls")),
    path("", include("apps.dashboard.urls")),
    path("", include("apps.ops.urls")),
]
if settings.RPA_DEMO:
    urlpatterns.append(path("demo/", include("apps.demo.urls")))

handler400 = "apps.core.api.problems.bad_request"
handler403 = "apps.core.api.problems.permission_denied"
handler404 = "apps.core.api.problems.not_found"
handler500 = "apps.core.api.problems.server_error"
