"""Files in a bucket of a server that speaks S3's API, through django-storages. Imported only where FILES_URL names one."""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.files.base import ContentFile

from chat import errors

try:
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from storages.backends.s3 import S3Storage
except ImportError:
    raise errors.Misconfigured(
        "FILES_URL names a bucket, and what talks to it is not installed.", next="Run `deploy/setup run s3`, then start again."
    ) from None

CHUNK: Final = 262_144
GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})
TIMES: Final = Config(
    signature_version="s3v4",
    connect_timeout=5,
    read_timeout=20,
    retries={"max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
)


class Bucket:
    """`options` are django-storages' own, and `redirect`: whether whoever may have a file is sent to the bucket for it."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._redirect = bool(options.pop("redirect"))
        self._storage = S3Storage(
            **options,
            client_config=TIMES,
            transfer_config=TransferConfig(
                multipart_threshold=4 * settings.UPLOAD_BYTES,  # whole, or not at all
                use_threads=False,
            ),
            default_acl=None,
            file_overwrite=True,
            gzip=False,
            querystring_auth=True,
            object_parameters={"ContentType": "application/octet-stream", "CacheControl": "private, no-store"},
        )

    def put(self, key: str, data: bytes) -> None:
        self._storage.save(key, ContentFile(data))

    def chunks(self, key: str) -> Iterator[bytes]:
        yield from self._storage.bucket.Object(self._named(key)).get()["Body"].iter_chunks(CHUNK)

    def size(self, key: str) -> int:
        return int(self._storage.size(key))

    def delete(self, key: str) -> None:
        """One that keeps versions keeps them: its rules for the end of old ones are whose bucket it is."""
        try:  # the storage's own takes a bucket that is not there for a success
            self._storage.bucket.Object(self._named(key)).delete()
        except ClientError as error:
            if _code(error) != "NoSuchKey":
                raise

    def elsewhere(self, key: str, *, type: str, disposition: str, seconds: int) -> str:
        if not self._redirect:
            return ""
        parameters = {
            "Bucket": self._storage.bucket_name,
            "Key": self._named(key),
            "ResponseContentType": type,
            "ResponseContentDisposition": disposition,
            "ResponseCacheControl": f"private, max-age={seconds}",
        }
        client = self._storage.bucket.meta.client  # the storage's own `url` makes a client for each thread, and a request is one
        return str(client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))

    def tidy(self) -> None:
        pass

    def failure(self, error: Exception) -> errors.ParleyError | None:
        if isinstance(error, ClientError):
            return errors.NotFound() if _code(error) in GONE else errors.FilesAway()
        if isinstance(error, FileNotFoundError):
            return errors.NotFound()
        return errors.FilesAway() if isinstance(error, BotoCoreError | HTTPClientError | OSError) else None

    def _named(self, key: str) -> str:
        return f"{self._storage.location}/{key}".lstrip("/")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
