"""What is logged, and where: lines on stderr, without the secret part of an address: whoever reads them comes nowhere by them."""

import logging
import re
import sys
from contextlib import suppress
from typing import Any, Final

SECRET: Final = re.compile(r"(/(?:s|invitations|accounts/password/reset/key|accounts/confirm-email)/)[^/\s?\"']+")


class WithoutSecrets(logging.Filter):
    """Django names the path of each page that is not found, also below a link that is good."""

    def filter(self, record: logging.LogRecord) -> bool:
        with suppress(TypeError, ValueError):  # a line that cannot be written is the handler's to tell of
            record.msg, record.args = SECRET.sub(r"\1…", record.getMessage()), ()
        return True


def configured(level: str) -> dict[str, Any]:
    """For Django's LOGGING; `level` of what Parley itself says."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"plain": {"()": WithoutSecrets}},
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["plain"], "stream": sys.stderr},
            "nowhere": {"class": "logging.NullHandler"},  # without any, Python's last resort writes to stderr after all
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "chat": {"level": level},
            "channels_redis": {"handlers": ["nowhere"], "propagate": False},  # chat.doorbell says once that Redis is away
            "procrastinate": {"level": "ERROR"},
            "procrastinate.utils": {"handlers": ["nowhere"], "propagate": False},  # chat says once that the database is away
            "psycopg.pool": {"level": "ERROR"},
            "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
            "django.security.DisallowedHost": {
                "handlers": ["nowhere"],
                "propagate": False,
            },  # anybody can cause it, the page says it
            "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        },
    }
