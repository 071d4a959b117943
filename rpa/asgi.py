"""The ASGI entry: HTTP today, WebSockets beside it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rpa.settings")

application = get_asgi_application()
