"""Settings of the project, read once from the environment.

Every name is listed in `.env.example`. `NAME_FILE` may point to a file that
holds the value (container secrets). There are no unsafe defaults: a missing key
stops the start.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
from environs import FileAwareEnv

from rpa import openapi, unfold

# Before any class is made from one of Django's generic ones.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = FileAwareEnv(eager=True)


def milliseconds(name: str, default: int) -> timedelta:
    return timedelta(milliseconds=env.int(name, default))


def seconds(name: str, default: float) -> timedelta:
    return timedelta(seconds=env.float(name, default))


def days(name: str, default: int) -> timedelta | None:
    """How long something is kept; 0 or nothing: for ever."""
    value = env.int(name, default) if env.str(name, str(default)) else 0
    if not 0 <= value <= 36_500:
        raise ValueError(f"{name} must be from 0 to 36500 days")
    return timedelta(days=value) or None


# --- What this process is -----------------------------------------------------

# Commands that change the schema sign in as the owner of the tables; all else
# signs in as the application's role, which row level security binds.
OWNER_COMMANDS = {
    "migrate",
    "makemigrations",
    "sqlmigrate",
    "showmigrations",
    "squashmigrations",
    "optimizemigration",
}
COMMAND = sys.argv[1] if len(sys.argv) > 1 else ""

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS")
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", [urlsplit(PUBLIC_URL).hostname or "localhost"]
)
REGISTRATION = env.str("REGISTRATION", "invite")  # open | invite
RPA_DEMO = env.bool("RPA_DEMO", False)
# Separates installations and test runs that share one Redis.
RPA_INSTANCE = env.str("RPA_INSTANCE", "")
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".rpa")))

# --- Applications -------------------------------------------------------------

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "apps.core.operators.config.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_celery_beat",
    "apps.core",
    "apps.events",
    "apps.accounts",
    "apps.steps",
    "apps.workflows",
    "apps.executions",
    "apps.webhooks",
    "apps.scheduling",
    "apps.realtime",
    "apps.ops",
    "apps.demo",
    "apps.dashboard",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.PolicyForAdmin",
    "apps.dashboard.middleware.PolicyForPages",
    "apps.core.middleware.SystemScopeForAdmin",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "rpa.urls"
ASGI_APPLICATION = "rpa.asgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

UNFOLD = unfold.SETTINGS

# --- Database -----------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "postgres://rpa_app@127.0.0.1:5432/rpa")
DATABASE_OWNER_URL = env.str("DATABASE_OWNER_URL", DATABASE_URL)
# The role that gets its rights on the tables after each migration.
DATABASE_APP_ROLE = urlsplit(DATABASE_URL).username or "rpa_app"


def database() -> dict[str, Any]:
    url = DATABASE_OWNER_URL if COMMAND in OWNER_COMMANDS else DATABASE_URL
    config: dict[str, Any] = dict(dj_database_url.parse(url))
    config["CONN_HEALTH_CHECKS"] = True
    config["OPTIONS"] = {
        "connect_timeout": 5,
        # A server that vanished without a word is given up after this many ms.
        "tcp_user_timeout": 30_000,
        "application_name": f"rpa {COMMAND}",
    }
    if COMMAND not in OWNER_COMMANDS:
        # Who freezes inside a transaction must not hold its locks for ever: what it
        # ran could not be taken over.
        config["OPTIONS"]["options"] = "-c idle_in_transaction_session_timeout=20000"
    if COMMAND == "web":
        # Requests run in short-lived threads, so connections live in a pool.
        config["OPTIONS"]["pool"] = {
            "min_size": 2,
            "max_size": env.int("DATABASE_POOL_SIZE", 20),
            "timeout": 10,
        }
    else:
        config["CONN_MAX_AGE"] = None
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: the doorbell and the live channel ---------------------------------

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "socket_connect_timeout": 5}],
            "prefix": f"rpa-{RPA_INSTANCE or 'live'}",
        },
    },
}

# --- WebSocket ------------------------------------------------------------------

SOCKET_AUTHENTICATE_WITHIN = seconds("SOCKET_AUTHENTICATE_WITHIN_S", 5)
SOCKET_PING = seconds("SOCKET_PING_S", 20)
SOCKET_SILENT_AFTER = seconds("SOCKET_SILENT_AFTER_S", 60)
# How often rights of those who are connected are looked at again.
SOCKET_RECHECK = seconds("SOCKET_RECHECK_S", 5)
# In each web process; and of one user or API key, in all of them.
SOCKET_CONNECTIONS = env.int("SOCKET_CONNECTIONS", 5_000)
SOCKET_CONNECTIONS_PER_USER = env.int("SOCKET_CONNECTIONS_PER_USER", 20)
SOCKET_SUBSCRIPTIONS = env.int("SOCKET_SUBSCRIPTIONS", 100)
# What may wait for one client that does not read, until it is cut.
SOCKET_BUFFER_BYTES = env.int("SOCKET_BUFFER_BYTES", 1024 * 1024)
SOCKET_REPLAY_EVENTS = env.int("SOCKET_REPLAY_EVENTS", 10_000)

# --- Celery: early ack, no results, no countdowns -----------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # No list in Redis of what was handed out: a bell that is lost is rung again, and
    # to keep the list costs two transactions of Redis for each message.
    "ack_emulation": False,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "health_check_interval": 25,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.5,
}
# What Flower shows; costs two messages an execution, so it is off unless wanted.
CELERY_WORKER_SEND_TASK_EVENTS = env.bool("CELERY_EVENTS", False)
# Celery's prefork, with children that look for work themselves when idle.
CELERY_WORKER_POOL = "apps.executions.engine.pool:TaskPool"
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = env.int("WORKER_MAX_TASKS_PER_CHILD", 5_000)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BEAT_SCHEDULER = "apps.scheduling.beat.Scheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Engine -------------------------------------------------------------------

WORKFLOW_MAX_CONCURRENT = env.int("WORKFLOW_MAX_CONCURRENT", 5)
WORKFLOW_TIMEOUT = milliseconds("WORKFLOW_TIMEOUT", 300_000)
WORKER_GRACE = seconds("WORKER_GRACE", 60)
WORKER_DEAF_AFTER = seconds("WORKER_DEAF_AFTER", 90)
LEASE_DURATION = seconds("LEASE_DURATION", 30)
# Waiting so long is worth one step of priority.
PRIORITY_AGEING = seconds("PRIORITY_AGEING_S", 60)
LOOP_MAX_ITERATIONS = env.int("LOOP_MAX_ITERATIONS", 10_000)
EXECUTION_MAX_RECORDS = env.int("EXECUTION_MAX_RECORDS", 100_000)
EXECUTION_MAX_DELIVERIES = env.int("EXECUTION_MAX_DELIVERIES", 4)
STEP_OUTPUT_INLINE_BYTES = env.int("STEP_OUTPUT_INLINE_BYTES", 256 * 1024)
STEP_OUTPUT_MAX_BYTES = env.int("STEP_OUTPUT_MAX_BYTES", 16 * 1024 * 1024)
EXECUTION_MEMORY_BYTES = env.int("EXECUTION_MEMORY_BYTES", 2 * 1024**3)
EXECUTION_CPU = seconds("EXECUTION_CPU_S", 3_600)
# How long ended executions and published events are kept; None: for ever.
RETENTION_COMPLETED_DAYS = days("RETENTION_COMPLETED_DAYS", 90)
RETENTION_FAILED_DAYS = days("RETENTION_FAILED_DAYS", 180)
RETENTION_EVENTS_DAYS = days("RETENTION_EVENTS_DAYS", 30)
# The same for kept sessions of browsers that no execution uses.
RETENTION_SESSIONS_DAYS = days("RETENTION_SESSIONS_DAYS", 30)
# And for deliveries of webhooks that are no longer under way.
RETENTION_DELIVERIES_DAYS = days("RETENTION_DELIVERIES_DAYS", 30)
# How long a receiver of a webhook may take to answer.
WEBHOOK_TIMEOUT = seconds("WEBHOOK_TIMEOUT_S", 15)
# How many webhooks are served at a time, by all workers together.
WEBHOOK_CONCURRENCY = env.int("WEBHOOK_CONCURRENCY", 4)
# A webhook to which nothing could be delivered for so long is switched off.
WEBHOOK_DISABLE_AFTER = seconds("WEBHOOK_DISABLE_AFTER_S", 5 * 24 * 3600)
# How long a caller of a hook waits for the end unless it says so, and at most.
HOOK_WAIT = seconds("HOOK_WAIT_S", 30)
HOOK_WAIT_MAX = seconds("HOOK_WAIT_MAX_S", 300)
HOOK_BODY_MAX_BYTES = env.int("HOOK_BODY_MAX_BYTES", 1024 * 1024)
HTTP_MAX_BYTES = env.int("HTTP_MAX_BYTES", 10 * 1024 * 1024)
FILE_MAX_BYTES = env.int("FILE_MAX_BYTES", 200 * 1024 * 1024)
EGRESS_ALLOW = env.str("EGRESS_ALLOW", "")
BROWSER_PATH = env.str("BROWSER_PATH", "")
FIREFOX_PATH = env.str("FIREFOX_PATH", "")
GECKODRIVER_PATH = env.str("GECKODRIVER_PATH", "")
BROWSER_SANDBOX = env.bool("BROWSER_SANDBOX", None)  # None: on, but for root
# A grid or driver whose sessions are used in place of browsers of this machine.
SELENIUM_REMOTE_URL = env.str("SELENIUM_REMOTE_URL", "")
# Where its browsers find the proxy that all of their traffic takes.
EGRESS_PROXY_LISTEN = env.str("EGRESS_PROXY_LISTEN", "127.0.0.1")
EGRESS_PROXY_HOST = env.str("EGRESS_PROXY_HOST", "")
EGRESS_PROXY_PEERS = env.str("EGRESS_PROXY_PEERS", "")
BROWSER_MAX_CONTEXTS = env.int("BROWSER_MAX_CONTEXTS", 500)
BROWSER_MAX_MEMORY_BYTES = env.int("BROWSER_MAX_MEMORY_BYTES", 1024**3)

# --- E-mail -------------------------------------------------------------------

SMTP_HOST = env.str("SMTP_HOST", "")
SMTP_PORT = env.int("SMTP_PORT", 587)
SMTP_USER = env.str("SMTP_USER", "")
SMTP_PASS = env.str("SMTP_PASS", "")
SMTP_TLS = env.str("SMTP_TLS", "starttls")  # starttls | implicit | none
SMTP_FROM = env.str("SMTP_FROM", "")

# --- REST ---------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.BearerAuthentication",
        "apps.accounts.authentication.ApiKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.permissions.RoleRequired"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.api.parsers.GuardedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.pagination.CursorPagination",
    "EXCEPTION_HANDLER": "apps.core.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = openapi.SETTINGS
API_BODY_MAX_BYTES = env.int("API_BODY_MAX_BYTES", 10 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = API_BODY_MAX_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Sign-in ------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.EmailBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCESS_TOKEN_LIFETIME = seconds("ACCESS_TOKEN_LIFETIME_S", 600)
REFRESH_TOKEN_LIFETIME = seconds("REFRESH_TOKEN_LIFETIME_S", 14 * 86_400)
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "ISSUER": "rpa",
    "AUDIENCE": "rpa",
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "TOKEN_TYPE_CLAIM": "token_use",
    "UPDATE_LAST_LOGIN": False,
}

# --- Web ----------------------------------------------------------------------

SECURE = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
# Without a proxy that says how it was asked, a redirect would never end. Health is
# asked from inside, without TLS.
SECURE_SSL_REDIRECT = SECURE and BEHIND_PROXY
SECURE_REDIRECT_EXEMPT = [r"^api/health"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if SECURE else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
LOGIN_URL = "/sign-in"
# After signing out of the admin: the page that removes what the browser has kept.
LOGOUT_REDIRECT_URL = "/sign-in?left=1&next=/admin/"
STATIC_URL = "/static/"
STATIC_ROOT = None  # WhiteNoise serves the files from where the packages have them
WHITENOISE_USE_FINDERS = True  # no build step between a change and the page

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "rpa.formats"
USE_I18N = False

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "files")},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "apps.core.logs.LineFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        # Addresses of connections, in which people put tokens.
        "apps.realtime.serving": {"level": "WARNING"},
        "selenium": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    },
}
