import re
import threading
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from tests import cast


@pytest.fixture(autouse=True)
def fresh_limits(db: None) -> None:
    """Tries are counted in the cache, which on Postgres is a table: each test begins with none."""
    cache.clear()


@pytest.fixture
def people(db: None) -> cast.Cast:
    return cast.assemble()


def sign_up(client: Client, name: str = "anna", **more: str):
    form = {"username": name, "email": "", "password1": cast.PASSWORD, "password2": cast.PASSWORD}
    return client.post("/accounts/signup/", {**form, **more})


def sign_in(client: Client, login: str, password: str = cast.PASSWORD):
    return client.post("/accounts/login/", {"login": login, "password": password})


def links(text: str) -> list[str]:
    return re.findall(r"https?://\S+", text)


def simultaneously(count: int, act: Callable[[int], object]) -> list:
    """Run act(0) … act(count - 1) in threads that all start together; what they returned or raised."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        try:
            gate.wait(30)
            results[number] = act(number)
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
