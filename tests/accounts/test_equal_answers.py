"""Whether somebody has an account is told neither by what is said nor by how long it takes: the work is the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client

from chat.models import User
from chat.store import sign_ins
from tests.accounts.conftest import sign_in, sign_up


class Counting(MD5PasswordHasher):
    """A hasher that counts: in the product each call takes a third of a second, and everything else a hundredth of that."""

    calls = 0

    def encode(self, password: str, salt: str) -> str:
        Counting.calls += 1
        return str(super().encode(password, salt))


@pytest.fixture
def hashed(people: Any, settings: Any) -> Iterator[Callable[[], int]]:
    """How often a password was hashed since it was asked last."""
    settings.PASSWORD_HASHERS = ["tests.accounts.test_equal_answers.Counting"]
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_PREVENT_ENUMERATION = settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    for user in (people.mate, people.stranger):
        sign_ins.set_password(user, "correct horse battery")
    Counting.calls = 0

    def since() -> int:
        calls, Counting.calls = Counting.calls, 0
        return calls

    return since


@pytest.mark.parametrize(
    "who", ["stella", "stella@example.org", "mateo", "nobody@example.org", "unusable", "unusable@example.org"]
)
def test_a_wrong_password_is_as_much_work_as_an_unknown_name(people: Any, hashed: Callable[[], int], who: str) -> None:
    User.objects.filter(pk=people.mate.pk).update(suspended=True)
    unusable = User.objects.create_user("unusable", "unusable@example.org")
    unusable.set_unusable_password()
    unusable.save()
    hashed()
    unknown = sign_in(Client(), who.replace(who.partition("@")[0], "unheardof"), "wrong")
    expected = hashed()
    answer = sign_in(Client(), who, "wrong")
    assert hashed() == expected == 1
    assert without_tokens(answer, who) == without_tokens(unknown, who.replace(who.partition("@")[0], "unheardof"))


def test_signing_up_with_a_known_address_is_as_much_work_as_with_a_new_one(hashed: Callable[[], int]) -> None:
    new = sign_up(Client(), "anna", email="anna@example.org")
    expected = hashed()
    known = sign_up(Client(), "berta", email="stella@example.org")
    assert hashed() == expected == 1
    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    assert len(mail.outbox) == 2


def test_a_reset_is_a_letter_to_whoever_it_is_for(hashed: Callable[[], int]) -> None:
    answers = [Client().post("/accounts/password/reset/", {"email": f"{who}@example.org"}) for who in ("stella", "unheardof")]
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert [letter.to for letter in mail.outbox] == [["stella@example.org"], ["unheardof@example.org"]]
    assert hashed() == 0


def without_tokens(answer: Any, name: str) -> str:
    token = str(answer.context["csrf_token"])
    return str(answer.text).replace(token, "").replace(name, "")
