"""The locked packages are enough for every Python that is promised, not only for the one they were locked with."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
LINE = re.compile(r"^([\w.-]+)==[^\s;]+ *(?:; *([^\\]+?))? *\\?$", re.MULTILINE)


def environment(python: str) -> dict[str, str]:
    return {"python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": ""}


def installed(python: str) -> set[str]:
    """What the server's lock installs there."""
    found = LINE.findall((DEPLOY / "requirements.lock").read_text())
    return {canonicalize_name(name) for name, marker in found if not marker or Marker(marker).evaluate(environment(python))}


@pytest.mark.parametrize("python", ["3.11.0", "3.11.2", "3.11.9", "3.12.0", "3.13.1"])
def test_whatever_a_locked_package_needs_there_is_locked_too(python: str) -> None:
    names = installed(python)
    here = {canonicalize_name(found.name) for found in metadata.distributions()}
    for name in names & here:
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate(environment(python)):
                assert canonicalize_name(needed.name) in names, f"{name} needs {line} on Python {python}"
