"""While the database is away a page says so, and asks it for nothing."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client


class Away:
    """A database that fails whatever it is asked."""

    def __call__(self, execute: object, sql: str, params: object, many: bool, context: object) -> object:
        raise OperationalError("server closed the connection unexpectedly")


@pytest.fixture
def away(owner: Client) -> Iterator[Client]:
    owner.raise_request_exception = False
    with connection.execute_wrapper(Away()):
        yield owner


@pytest.mark.parametrize("path", ["/", "/settings/", "/search/?q=a", "/c/conv_" + "0" * 32 + "/"])
def test_a_page_says_that_the_database_does_not_answer(away: Client, path: str) -> None:
    answer = away.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "The database does not answer" in answer.content.decode()
    assert "<h1>" in answer.content.decode()


def test_a_message_is_answered_with_a_sentence_for_the_composer(away: Client) -> None:
    answer = away.post("/", {"text": "Hello"}, headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert 'role="alert"' in answer.content.decode()
    assert "<html" not in answer.content.decode()
