"""What is logged leads nobody to what is shared or offered by an address alone."""

import logging

import pytest
from django.conf import settings
from django.urls import reverse

from project.logs import WithoutSecrets


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        (reverse("link_file", args=["link_" + "a" * 32, "file_" + "b" * 32]), "a" * 32),
        (reverse("accept_invitation", args=["c" * 40]), "c" * 40),
        (reverse("account_reset_password_from_key", args=["1", "d1x-0123456789"]), "0123456789"),
    ],
)
def test_a_secret_part_of_an_address_is_left_out(path: str, secret: str) -> None:
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "%s: %s", ("Not Found", path), None)
    assert WithoutSecrets().filter(record)
    assert secret not in record.getMessage()
    assert record.getMessage().startswith("Not Found: /")


def test_every_line_passes_through_it_and_any_other_stays_as_it_is() -> None:
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["plain"]
    for message, args in (("Not Found: /c/conv_1/", ()), ("%d replies", ("many",)), ("100 %", ())):
        record = logging.LogRecord("chat", logging.WARNING, "", 0, message, args, None)
        assert WithoutSecrets().filter(record)
        assert (record.msg, record.args) == (message, args)
