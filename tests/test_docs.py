"""What is written about the house is true of it: every setting, room and bound is named."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = (ROOT / "project" / "settings.py").read_text()
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
SELF_HOSTING = (ROOT / "docs" / "self-hosting.md").read_text()
EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
VARIABLES = set(re.findall(r'(?:env|whole_number|one_of|places)\("([A-Z_]+)"', SETTINGS))
BOUNDS = set(
    re.findall(r"^((?:RUN_|MESSAGE_B|REPLY_|BODY_|SOCKET|ENTRIES_|CONVERSATIONS_|UNDO_)[A-Z_]*) = ", SETTINGS, re.MULTILINE)
)
ROOMS = sorted(path.name for path in (ROOT / "chat").iterdir() if path.is_dir() and (path / "__init__.py").exists())
LINES = {"py": 400, "html": 80, "js": 120}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_environment_variable_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README or f"`{name}," in README or f" `{name}`" in README


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_environment_variable_is_explained_to_those_who_host_it(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", SELF_HOSTING, re.MULTILINE)
    assert re.search(rf"^#?{name}=", EXAMPLE, re.MULTILINE)


def test_the_example_and_the_table_explain_nothing_that_is_not_there() -> None:
    """One name is the server's own."""
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", SELF_HOSTING, re.MULTILINE)) | set(
        re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    )
    assert named - VARIABLES == {"FORWARDED_ALLOW_IPS"}


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_every_bound_is_in_the_table(name: str) -> None:
    assert f"`{name}`" in ARCHITECTURE


@pytest.mark.parametrize("name", [room for room in ROOMS if room != "migrations"])
def test_every_room_is_on_the_plan(name: str) -> None:
    assert f"{name}/" in ARCHITECTURE


def test_no_file_outgrows_the_house() -> None:
    folders = ("chat", "project", "templates", "static/js")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix[1:] in LINES]
    grown = [path for path in files if "migrations" not in path.parts and path.read_text().count("\n") > LINES[path.suffix[1:]]]
    assert grown == []


def test_no_lock_file_names_an_address() -> None:
    for lock in (ROOT / "deploy").glob("*.lock"):
        assert "://" not in lock.read_text()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_nothing_of_one_machine_is_kept() -> None:
    """What is ignored is not tracked, and no link leads out of the folder."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z"]
    assert subprocess.check_output([*listed, "--cached", "--ignored", "--exclude-standard"]) == b""
    tracked = [ROOT / name for name in subprocess.check_output(listed, text=True).split("\0") if name]
    assert [path for path in tracked if path.is_symlink()] == []
