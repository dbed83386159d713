"""Settings: the environment and nothing else, each variable read once, each also as <NAME>_FILE (docs: README's table)."""

import os
import re
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from project import logs
from project.buckets import bucket
from project.databases import database
from project.environment import env, one_of, places, whole_number

BASE_DIR = Path(__file__).resolve().parent.parent


# Where things live and where people find them
PARLEY_VAR = Path(env("PARLEY_VAR") or BASE_DIR / "var").expanduser().resolve()
try:
    PARLEY_VAR.mkdir(parents=True, exist_ok=True, mode=0o700)
except OSError as error:
    raise ImproperlyConfigured(f"PARLEY_VAR is {PARLEY_VAR}, which cannot be made or entered: {error.strerror}.") from None
if not os.access(PARLEY_VAR, os.R_OK | os.W_OK | os.X_OK):
    raise ImproperlyConfigured(
        f"PARLEY_VAR is {PARLEY_VAR}, where this user may not write. Choose another folder, or change its owner."
    )
PORT = whole_number("PORT", 8000, least=1, most=65535)
HOST = env("HOST") or "127.0.0.1"
PARLEY_URL = (env("PARLEY_URL") or f"http://localhost:{PORT}").rstrip("/")
_url = urlsplit(PARLEY_URL)
try:
    _url.port  # noqa: B018  (it raises)
except ValueError:
    raise ImproperlyConfigured(f"PARLEY_URL has a port that is no port: {PARLEY_URL!r}.") from None
if _url.scheme not in ("http", "https") or not _url.hostname or _url.path or _url.query:
    raise ImproperlyConfigured(f"PARLEY_URL must look like https://chat.example.org, without a path, not {PARLEY_URL!r}.")
HTTPS = _url.scheme == "https"
_names = ("localhost", "127.0.0.1", "[::1]")
ALLOWED_HOSTS = list(dict.fromkeys([_url.hostname if ":" not in _url.hostname else f"[{_url.hostname}]", *_names]))
# Exact origins that pages may post from and open sockets from; loopback names only while the address is a loopback one.
ORIGINS = [PARLEY_URL] + (
    [f"http://{name}:{_url.port or 80}" for name in _names] if _url.hostname in ("localhost", "127.0.0.1") else []
)
CSRF_TRUSTED_ORIGINS = list(dict.fromkeys(ORIGINS))

# The database
DATABASE_URL = env("DATABASE_URL")
DATABASE_POOL = whole_number("DATABASE_POOL", 20, least=10, most=500)
REDIS_URL = env("REDIS_URL")
if REDIS_URL and urlsplit(REDIS_URL).scheme not in ("redis", "rediss", "unix"):
    raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379/0 (or rediss:// or unix://).")


DATABASES = {"default": database(DATABASE_URL, home=PARLEY_VAR, pool=DATABASE_POOL)}
ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if REDIS_URL and ON_SQLITE:
    raise ImproperlyConfigured(
        "REDIS_URL is for several processes, and SQLite is for one: set DATABASE_URL to a Postgres, or leave REDIS_URL out."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def secret_key() -> str:
    """SECRET_KEY, or one made once and kept under PARLEY_VAR; only a single process on SQLite may make its own."""
    if key := env("SECRET_KEY"):
        if len(key) < 32 or len(set(key)) < 8:
            raise ImproperlyConfigured(
                "SECRET_KEY is too weak: use at least 32 random characters, for example from `openssl rand -hex 32`."
            )
        return key
    if not ON_SQLITE:
        raise ImproperlyConfigured("SECRET_KEY must be set when DATABASE_URL is: every process needs the same one.")
    path = PARLEY_VAR / "secret_key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    try:
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read ({error.strerror}): PARLEY_VAR belongs to somebody else.") from None
    if len(key) < 32:
        raise ImproperlyConfigured(f"{path} holds no key: remove the file, and a new one is made (everybody signs in again).")
    return key


SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = env("SECRET_KEY_FALLBACKS").replace(",", " ").split()
DEVELOPING = "runserver" in sys.argv[1:2]
DEBUG = DEVELOPING

# Where models answer: none set means the bundled one
OPENAI_API_KEY = env("OPENAI_API_KEY")
OPENAI_BASE_URL = env("OPENAI_BASE_URL").rstrip("/") or ("https://api.openai.com/v1" if OPENAI_API_KEY else "")
if OPENAI_BASE_URL and (urlsplit(OPENAI_BASE_URL).scheme not in ("http", "https") or not urlsplit(OPENAI_BASE_URL).hostname):
    raise ImproperlyConfigured("OPENAI_BASE_URL must begin with http:// or https://, for example http://localhost:11434/v1")
PARLEY_MODEL = env("PARLEY_MODEL")
# Whether the server goes on with a reply when nobody listens, so that another process can take it up; None: as its probe found
OPENAI_BACKGROUND = {"on": True, "off": False}.get(one_of("OPENAI_BACKGROUND", "auto", ("auto", "on", "off")))

# How long a model server may take, in seconds: to connect, to its first byte, between two; and before it is tried again
MODEL_CONNECT = 5.0
MODEL_FIRST_BYTE = 120.0
MODEL_SILENCE = 60.0
MODEL_PAUSES = (0.5, 2.0)

# Where this server may go for its people (chat/egress/) although it is no public place: host:port, or a range of addresses
EGRESS_ALLOW = places("EGRESS_ALLOW")

# Processes: where runs are executed on Postgres, and how long a process that is to end waits for those that it executes
WORKER_APART = one_of("PARLEY_WORKER", "inside", ("inside", "apart")) == "apart"
if WORKER_APART and ON_SQLITE:
    raise ImproperlyConfigured("PARLEY_WORKER=apart needs DATABASE_URL: on SQLite the one process executes the replies itself.")
RUNS_PER_WORKER = whole_number("RUNS_PER_WORKER", 300, least=1, most=5000)
DRAIN_SECONDS = whole_number("DRAIN_SECONDS", 30, least=0, most=3600)

# Bounds and times of runs, in seconds unless said otherwise (docs/architecture.md explains each)
RUN_TICK = 0.115
RUN_LEASE = whole_number("RUN_LEASE", 9, least=2, most=600)
RUN_SWEEP = whole_number("RUN_SWEEP", 2, least=1, most=60)
RUN_LIMIT = 3600.0
RUN_THREADS = 4
MESSAGE_BYTES = 200_000
FILE_BYTES = 100_000
FILES_PER_MESSAGE = 20
FILES_QUOTA_MB = whole_number("FILES_QUOTA_MB", 1000, least=1, most=10_000_000)
UPLOAD_BYTES = 20_000_000
UPLOAD_PIXELS = 25_000_000
UPLOAD_FRAMES = 50
TEXT_BYTES = 2_000_000
TEXT_PAGES = 500
DECODER = [sys.executable, "-E", "-s", "-m", "chat.decoding"]  # the child that reads foreign bytes
UPLOADS_AT_ONCE = 2  # children that read them; the others wait
WORDS_AT_ONCE = 1  # of those that read what is written in images
UPLOADS_WAITING = 60
UPLOAD_PATIENCE = 60.0
REPLY_BYTES = 4_000_000
BODY_BYTES = 25_000_000
SOCKET_BACKLOG_BYTES = 1_000_000
SOCKETS_PER_USER = 50
SOCKETS_PER_LINK = 500
SOCKETS_PER_VISITOR = 100
SOCKET_STALLED = whole_number("SOCKET_STALLED", 20, least=1, most=600)
ENTRIES_PER_PAGE = 15
CONVERSATIONS_PER_PAGE = 60
MODELS_WAIT = 3.0
UNDO_MINUTES = 10
ACCESS_CONSENT = one_of("ACCESS_CONSENT", "off", ("on", "off")) == "on"
ACCESS_MINUTES = whole_number("ACCESS_MINUTES", 30, least=1, most=1440)
PRICE_CURRENCY = env("PRICE_CURRENCY") or "USD"
if not re.fullmatch(r"[A-Z]{3}", PRICE_CURRENCY):
    raise ImproperlyConfigured(f"PRICE_CURRENCY must be three capital letters, like EUR, not {PRICE_CURRENCY!r}.")
RESPONSE_RETENTION_DAYS = whole_number("RESPONSE_RETENTION_DAYS", 30, least=1, most=3650)
# How long a temporary conversation lives once its last page is closed, and when nothing is said or written in it
TEMPORARY_CLOSED_MINUTES = whole_number("TEMPORARY_CLOSED_MINUTES", 10, least=1, most=1440)
TEMPORARY_SILENCE_MINUTES = whole_number("TEMPORARY_SILENCE_MINUTES", 60, least=1, most=1440)
TEMPORARY_FILES_MB = whole_number("TEMPORARY_FILES_MB", 200, least=1, most=1_000_000)  # memory for files in all of them
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # larger bodies and files pass through the disk
MEMORY_BODY_BYTES = 2_000_000  # of one that must not: to a temporary conversation, but for the files that are put into one
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500  # of one form; two are a file that waits, of which there are 200
DATA_UPLOAD_MAX_NUMBER_FILES = 50  # more than go with a message, so that one with too many comes back with its text

# Where people's files are: a bucket by FILES_URL, else a folder
MEDIA_ROOT = PARLEY_VAR / "files"
FILES_BUCKET = bucket(env("FILES_URL"))
FILES_ACCEL = env("FILES_ACCEL")  # where a web server in front of this one has that folder, to hand the files out itself

# Mail: a server by EMAIL_URL (smtp://user:password@host:587, smtps://…:465), else the console
EMAIL_URL = env("EMAIL_URL")
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("EMAIL_FROM") or f"parley@{_url.hostname}"
EMAIL_TIMEOUT = 10
if EMAIL_URL:
    _mail = urlsplit(EMAIL_URL)
    if _mail.scheme not in ("smtp", "smtps") or not _mail.hostname:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@host:587 or smtps://user:password@host:465.")
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname
    EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_USE_TLS = _mail.scheme == "smtp" and EMAIL_PORT != 25 and _mail.hostname not in _names

INSTALLED_APPS = [
    *(["daphne"] if DEVELOPING else []),  # its imports are a quarter of a start
    *([] if ON_SQLITE else ["procrastinate.contrib.django"]),
    "chat",
    "channels",
    "unfold.apps.BasicAppConfig",  # its templates stand before those of the admin
    "chat.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "chat.web.middleware.PersonMiddleware",
    "chat.web.errors.ErrorsMiddleware",
    "chat.web.fields.FieldsMiddleware",
]
CSRF_FAILURE_VIEW = "chat.web.errors.csrf_failure"
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chat.web.context.server",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# People
AUTH_USER_MODEL = "chat.User"
AUTHENTICATION_BACKENDS = ["chat.store.backend.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL, LOGIN_REDIRECT_URL = "account_login", "/"
ACCOUNT_ADAPTER = "chat.web.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "chat.web.account_forms.LoginForm",
    "signup": "chat.web.account_forms.SignupForm",
    "add_email": "chat.web.account_forms.AddEmailForm",
    "change_password": "chat.web.account_forms.ChangePasswordForm",
    "set_password": "chat.web.account_forms.SetPasswordForm",
    "reset_password": "chat.web.account_forms.ResetPasswordForm",
    "reset_password_from_key": "chat.web.account_forms.ResetPasswordKeyForm",
    "reauthenticate": "chat.web.account_forms.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*" if EMAIL_URL else "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "none"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = bool(EMAIL_URL)
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Parley] "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _url.scheme
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_PRESERVE_USERNAME_CASING = False
# Per network address: room for an office behind one. Wrong passwords count apart: ten a minute, five in five minutes for a name.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "signup": "60/m/ip",
    "link": "10/5m/ip,60/5m/key",
    "push": "20/5m/user",
    "address": "20/m/user",
}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
MFA_ADAPTER = "chat.web.second_step.SecondStepAdapter"
MFA_FORMS = {
    "authenticate": "chat.web.second_step_forms.AuthenticateForm",
    "reauthenticate": "chat.web.second_step_forms.ReauthenticateForm",
    "activate_totp": "chat.web.second_step_forms.ActivateForm",
    "add_webauthn": "chat.web.second_step_forms.AddPasskeyForm",
    "edit_webauthn": "chat.web.second_step_forms.RenamePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_URL
MFA_TOTP_ISSUER = "Parley"
MFA_TOTP_TOLERANCE = 1  # half a minute that a phone's clock may be off
SESSION_ENGINE = "chat.store.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Transport and content security
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # subdomains and preload lists are their owner's decision
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_sockets = [f"{'wss' if HTTPS else 'ws'}://{urlsplit(origin).netloc}" for origin in CSRF_TRUSTED_ORIGINS if "[" not in origin]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, *([FILES_BUCKET["endpoint_url"]] if FILES_BUCKET.get("redirect") else [])],
        "connect-src": [SELF, *_sockets],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Static files: no build step; two bundles are the plain concatenation that static/bundle.txt lists
STATIC_URL = "/static/"
STATIC_ROOT = PARLEY_VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "project.bundle.BundleFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
if DEVELOPING:
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler", "chat.web.spooled.Spooled"]

CHANNEL_LAYERS: dict[str, Any] = {}  # none: chat.doorbell has a layer of its own, and nothing else needs one
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = ["chat.runs.jobs"]
# Sign-in limits and used codes: where all processes see them. Large enough that nobody pushes them out by asking for many names.
_cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
if not ON_SQLITE:
    _cache = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "chat_cache"}
CACHES = {"default": {**_cache, "OPTIONS": {"MAX_ENTRIES": 50_000}}}

# The panel at /admin/
UNFOLD = {
    "SITE_TITLE": "Parley",
    "SITE_HEADER": "Parley",
    "SITE_URL": None,
    "SITE_ICON": "chat.admin.look.icon",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "chat.admin.look.icon"}],
    "SHOW_HISTORY": False,
    "THEME": "chat.admin.look.theme",
    "STYLES": ["chat.admin.look.colors", "chat.admin.look.style"],
    "SCRIPTS": ["chat.admin.look.script"],
    "SIDEBAR": {"navigation": "chat.admin.look.navigation"},
    "ACCOUNT": {"navigation": [{"title": "Conversations", "link": "/"}, {"title": "Settings", "link": "/settings/"}]},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

LOG_LEVEL = one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = logs.configured(LOG_LEVEL)
