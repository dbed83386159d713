"""The browser, two houses (a scripted model server behind one, the bundled model in the other) and the people in them."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import Person, sign_up
from tests.browser.talk import say
from tests.browser.watch import Watch
from tests.scripted import ScriptedServer

CHROMIUM = "/usr/bin/chromium-headless-shell"  # the same engine without the window around it: a third less time
LOOPBACK_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    LOOPBACK_ONLY,
]
MODELS = ("scripted", "other-model")
expect.set_options(timeout=10_000)

Contexts = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def fresh_providers() -> None:
    """The servers are processes of their own: nothing to forget in this one."""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def model_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer(models=MODELS).start()
    yield server
    server.stop()


@pytest.fixture
def model(model_server: ScriptedServer) -> ScriptedServer:
    """The scripted model server, without memory of other tests."""
    model_server.requests.clear()
    model_server.times.clear()
    return model_server


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, model_server: ScriptedServer) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), model_server=model_server.base_url).start()
    yield house
    house.stop()


@pytest.fixture(scope="session")
def owner(house: House) -> Person:
    """The first account: the server is theirs."""
    return sign_up(house.url, "olivia")


@pytest.fixture(scope="session")
def crowd(house: House, owner: Person) -> Iterator[Person]:
    """People without number, each with an account and a sign-in: no password is hashed for them."""
    made = json.loads(house.run("crowd", "250"))
    return (Person(house.url, name, {"sessionid": session}) for name, session in made)


@pytest.fixture
def person(crowd: Iterator[Person]) -> Person:
    """Somebody new in each test."""
    return next(crowd)


@pytest.fixture
def mate(crowd: Iterator[Person]) -> Person:
    return next(crowd)


@pytest.fixture
def team(person: Person, mate: Person) -> str:
    """A team of the two; its address."""
    page = person.post("/teams/new/", name="Physics")
    invited = person.post(f"{page.url.path}invitations/", email="", role="member", uses="1", days="7")
    (path,) = re.findall(r"(/invitations/[^/<\s]+/)[<\s]", invited.text)
    mate.post(f"{path}accept/")
    return str(page.url.path)


@pytest.fixture
def address(person: Person, mate: Person, team: str) -> str:
    """A conversation in which both write."""
    address = person.begin(say("Hello."))
    person.post(f"{address}share/move/", team=team.split("/")[2])
    person.post(f"{address}share/team/", access="write")
    return address


@pytest.fixture
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with nothing set: its own small model answers."""
    house = House(tmp_path_factory.mktemp("bundled")).start()
    yield house
    house.stop()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert not watch.unexpected()


@pytest.fixture
def contexts(browser: Browser, watch: Watch) -> Iterator[Contexts]:
    """Makes browser contexts that are watched."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = watch.over(browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options}))
        made.append(context)
        return context

    yield make
    for context in made:
        watch.leave(context)
        context.close()


@pytest.fixture
def signed_in_page(contexts: Contexts, house: House) -> Callable[..., Page]:
    """A page of this person's; options are the browser context's."""

    def make(person: Person, path: str = "/", **options: Any) -> Page:
        context = contexts(base_url=house.url, **options)
        person.enter(context)
        page = context.new_page()
        page.goto(path)
        return page

    return make


@pytest.fixture
def page(signed_in_page: Callable[..., Page], person: Person) -> Page:
    """The first page of somebody who has just signed up."""
    return signed_in_page(person)


@pytest.fixture(autouse=True)
def quiet_log(house: House) -> Iterator[None]:
    """The server has nothing to complain of."""
    before = len(house.log())
    yield
    complaints = [line for line in house.log()[before:].splitlines() if " ERROR " in line or line.startswith("Traceback")]
    assert not complaints
