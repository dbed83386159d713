"""A server that speaks S3's API, started by the tests that need one."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from project.buckets import bucket

KEY, SECRET = "somebody", "a secret/with+signs"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Its host and port."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def in_a_bucket(s3: str, settings: Any) -> Any:
    """Files are kept in a bucket of this test's own; a look into it."""
    name = f"files-{uuid.uuid4()}"
    settings.FILES_BUCKET = bucket(f"s3+http://{KEY}:a%20secret%2Fwith%2Bsigns@{s3}/{name}/below")
    client = boto3.client(
        "s3", endpoint_url=f"http://{s3}", aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
    )
    client.create_bucket(Bucket=name)
    return lambda: client.list_objects_v2(Bucket=name).get("Contents", [])
