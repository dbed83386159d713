"""FILES_URL: a bucket of a server that speaks S3's API, as the options of django-storages."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

EXAMPLE = "s3://KEY:SECRET@s3.eu-central-1.amazonaws.com/bucket?region=eu-central-1"
SCHEMES = {"s3": "https", "s3+http": "http"}
KNOWN = {"region", "redirect"}


def bucket(url: str) -> dict[str, Any]:
    """Empty without one. Without a key the credentials are those of the machine (environment, instance role)."""
    if not url:
        return {}
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise ImproperlyConfigured(f"FILES_URL must look like {EXAMPLE}.") from None
    given = parse_qs(found.query, keep_blank_values=True)
    name, _, prefix = unquote(found.path).strip("/").partition("/")
    right = (
        found.scheme in SCHEMES
        and found.hostname
        and name
        and set(given) <= KNOWN
        and bool(found.username) == bool(found.password)
    )
    if not right or given.get("redirect", ["on"])[-1] not in ("on", "off"):
        raise ImproperlyConfigured(f"FILES_URL must look like {EXAMPLE}.")
    host = f"[{found.hostname}]" if ":" in str(found.hostname) else found.hostname
    return {
        "endpoint_url": f"{SCHEMES[found.scheme]}://{host}" + (f":{port}" if port else ""),
        "bucket_name": name,
        "location": prefix,
        "region_name": given.get("region", ["us-east-1"])[-1],
        "access_key": unquote(found.username) if found.username else None,
        "secret_key": unquote(found.password) if found.password else None,
        "redirect": given.get("redirect", ["on"])[-1] == "on",
    }
