"""Reading the environment: each variable also as <NAME>_FILE, and what is wrong with it in one sentence."""

import ipaddress
import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def env(name: str, default: str = "") -> str:
    """The value of NAME, or the content of the file that NAME_FILE points to, without spaces around it."""
    path = os.environ.get(f"{name}_FILE", "")
    if not path:
        return os.environ.get(name, default).strip()
    if name in os.environ:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: set one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE points to {path}, which cannot be read: {error}") from None


def whole_number(name: str, default: int, *, least: int, most: int) -> int:
    text = env(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def one_of(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = env(name) or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


PLACE = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\]):(?P<port>[0-9]{1,5})", re.IGNORECASE)


def places(name: str) -> list[str]:
    """Places in a network, separated by commas or spaces: `host:port`, `[address]:port`, or a range like `10.1.0.0/16`."""
    found = env(name).replace(",", " ").split()
    for place in found:
        if (host := PLACE.fullmatch(place)) is None or int(host["port"]) > 65535:
            try:
                ipaddress.ip_network(place)
            except ValueError:
                raise ImproperlyConfigured(
                    f"{name} lists places like push.example.org:443 or 10.1.0.0/16, which {place!r} is not."
                ) from None
    return found
