"""How django-unfold shows the operators' admin."""

SETTINGS = {
    "SITE_TITLE": "RPA operators",
    "SITE_HEADER": "RPA operators",
    "SITE_SYMBOL": "precision_manufacturing",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "/static/dashboard/icon.svg"}
    ],
    "STYLES": ["/static/operators/admin.css"],
    "SCRIPTS": ["/static/operators/admin.js"],
    "DASHBOARD_CALLBACK": "apps.ops.landing.context",
    # Looks through all tables at once, which no index helps.
    "COMMAND": {"search_models": False},
    "SIDEBAR": {"show_search": False, "show_all_applications": False},
}
