"""The files for self-hosters agree with the program: names, bytes and seconds."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from chat.web.bodies import PASSING

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
SITE = (DEPLOY / "nginx-site.conf").read_text()
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir() if path.is_file())
DRAINING = ("parley-web@.service", "parley-worker@.service")


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd" / name)
    return parser


def test_nginx_refuses_the_bodies_that_parley_refuses() -> None:
    most = [str(settings.BODY_BYTES), str(settings.MEMORY_BODY_BYTES)]
    assert re.findall(r"client_max_body_size (\d+);", SITE) == most
    assert re.findall(r"client_body_buffer_size (\d+);", SITE) == most[1:]  # what must stay in memory does
    way = re.findall(r"location ~ (\S+) {\n\s+proxy_pass \S+\n\s+proxy_request_buffering off;", SITE)
    assert way == [PASSING.pattern]


def test_nginx_says_what_parley_says_of_a_body_too_large() -> None:
    from chat.web.bodies import TOO_LARGE

    assert "<strong>{}</strong> {}</p>".format(*TOO_LARGE) in SITE
    assert len(re.findall(r"return \d+ '<div class=\"alert\" role=\"alert\"", SITE)) == 2, "what a page looks for, to show it"


def minutes(location: str) -> dict[str, int]:
    """How long nginx waits at this place, in seconds, by what it waits for."""
    (inside,) = re.findall(rf"location {re.escape(location)} \{{(.+?)\n    \}}", SITE, re.DOTALL)
    return {name: 60 * int(value) for name, value in re.findall(r"proxy_(read|send)_timeout (\d+)m;", inside)}


def test_nginx_waits_for_as_long_as_files_may_take() -> None:
    """Their turn, and then the children that look at them; in a temporary conversation for room before, and their text after."""
    from chat.files import intake, reading
    from chat.web import passing_bodies

    documents = settings.UPLOAD_PATIENCE + intake.DRAWN.seconds + intake.DOCUMENT.seconds
    files = max(documents, settings.UPLOAD_PATIENCE + intake.IMAGE.seconds)
    words = settings.UPLOAD_PATIENCE + reading.IMAGE.seconds
    text = settings.UPLOAD_PATIENCE + reading.DOCUMENT.seconds
    (ordinary,) = (place for place in re.findall(r"location (\S+ \S+|\S+) {", SITE) if "files/.*" in place)
    assert minutes(ordinary)["read"] > max(files, settings.UPLOAD_PATIENCE + words)
    assert minutes("/t/")["read"] > files
    passing = minutes(f"~ {PASSING.pattern}")
    assert passing["read"] > passing_bodies.PATIENCE + files + text
    assert passing["send"] > passing_bodies.PATIENCE


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("home", 0),
        *(("files", 0), ("sight", 0), ("words", 1), ("messages", 1), ("edit", 2)),
    ],
)
def test_these_are_the_places_where_nginx_waits_long(name: str, ids: int) -> None:
    (pattern,) = re.findall(r"location ~ (\^/\(files\S+) {", SITE)
    named = dict(
        zip(("conversation_id", "item_id") if name != "words" else ("use_id",), [f"conv_{'0' * 32}"] * ids, strict=False)
    )
    assert re.search(pattern, reverse(name, kwargs=named))
    assert not re.search(pattern, reverse("conversation", kwargs={"conversation_id": f"conv_{'0' * 32}"}))


def test_nginx_keeps_no_connection_to_a_process() -> None:
    assert not re.search(r"^\s*keepalive\b", SITE, re.MULTILINE)
    assert re.search(r'map \$http_upgrade \$parley_connection \{[^}]*"" close;', SITE)


def test_nginx_overwrites_what_a_browser_claims_about_itself() -> None:
    for header, value in (("X-Forwarded-For", "$remote_addr"), ("X-Forwarded-Proto", "$scheme"), ("X-Forwarded-Host", '""')):
        assert f"proxy_set_header {header} {value};" in SITE


def test_nginx_hands_out_files_as_parley_does() -> None:
    """Of what a process says beside X-Accel-Redirect nginx takes over little."""
    from chat.web.serving import LOCKED

    (place,) = re.findall(r"location /_files/ \{(.+?)\n    \}", SITE, re.DOTALL)
    said = dict(re.findall(r'add_header (\S+) "?([^"\n]+?)"? always;', place))
    assert said == {**LOCKED, "X-Robots-Tag": "noindex, nofollow"}


@pytest.mark.parametrize("name", DRAINING)
def test_a_process_is_given_longer_to_stop_than_it_may_drain(name: str) -> None:
    service = unit(name)["Service"]
    assert int(service["TimeoutStopSec"]) >= settings.DRAIN_SECONDS + 10
    assert service["Restart"] == "always"
    assert unit(name)["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize("path", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: str(path.name))
def test_every_service_runs_a_command_that_exists(path: Path) -> None:
    command = unit(path.name)["Service"]["ExecStart"].split("manage.py ")[1].split()[0]
    own = Path(settings.BASE_DIR, "chat", "management", "commands", f"{command}.py")
    assert own.exists() or command == "migrate"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "systemd", tmp_path / "units")
    names = [path.name.replace("@.", "@8001.") for path in UNITS]
    command = ["systemd-analyze", "verify", *(f"./{name}" for name in names)]
    done = subprocess.run(command, cwd=tmp_path / "units", capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in done.stderr.splitlines() if "is not executable" not in line]  # it is not installed here
    assert not complaints
