"""Two people in one conversation, a browser each: they see each other's words, the same reply growing, and who is in it."""

import re
from collections.abc import Callable
from time import monotonic

from playwright.sync_api import Page, expect

from tests.browser.people import Person
from tests.browser.talk import box, directive, ended, growing, say

WITHIN = 500  # milliseconds from one screen to the other

Pages = Callable[..., Page]


def told(text: str, *, by: Page, to: Page) -> float:
    """Say it here; how many milliseconds later it stands there."""
    box(by).fill(text)
    started = monotonic()
    box(by).press("Enter")
    to.wait_for_function("text => document.getElementById('items').innerText.includes(text)", arg=text, polling="raf")
    return (monotonic() - started) * 1000


def test_each_sees_the_others_words_and_the_same_reply(signed_in_page: Pages, person: Person, mate: Person, address: str) -> None:
    mine, theirs = signed_in_page(person, address), signed_in_page(mate, address)
    times: dict[str, list[float]] = {"mine": [], "theirs": []}
    for number in range(2, 8):  # by turns, three times each: the middle one of three is no accident of a busy machine
        whose, by, to = ("mine", mine, theirs) if number % 2 else ("theirs", theirs, mine)
        times[whose].append(told(f"What do you think, number {number}? {directive(tokens=20, rate=40)}", by=by, to=to))
        growing(to)
        said = [ended(page, number=number).inner_text() for page in (by, to)]
        assert said[0] == said[1] != ""
    assert [sorted(three)[1] < WITHIN for three in times.values()] == [True, True], times
    names = [name.inner_text() for name in mine.locator(".author").all()]
    assert (len(names), len(set(names))) == (7, 2)


def test_sharing_it_is_seen_by_who_has_it_open(signed_in_page: Pages, person: Person, mate: Person, team: str) -> None:
    address = person.begin(say("Hello."))
    person.post(f"{address}share/move/", team=team.split("/")[2])
    page = signed_in_page(person, address)
    expect(page.get_by_role("list", name="In this conversation")).to_be_hidden()
    person.post(f"{address}share/people/{number_of(person, team, mate)}/", access="write")
    expect(page.get_by_role("list", name="In this conversation").get_by_role("listitem")).to_have_count(2)


def test_who_loses_it_sees_it_no_more(signed_in_page: Pages, person: Person, mate: Person, address: str) -> None:
    theirs = signed_in_page(mate, address)
    expect(box(theirs)).to_be_visible()
    person.post(f"{address}share/team/", access="")
    expect(theirs.locator("[data-when='4404']")).to_be_visible(timeout=5_000)


def number_of(person: Person, team: str, other: Person) -> str:
    with person.client() as client:
        text = client.get(team).text
    (number,) = re.findall(r"/members/(\d+)/role/", text)
    return str(number)
