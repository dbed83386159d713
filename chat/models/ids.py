"""Ids of our own: a prefix that says what it is, and 128 random bits."""

import secrets
from typing import Final

LONGEST_NAME: Final = 1000
"""Characters of an id that a provider gave. OpenAI's have about 60; a proxy may wrap one in several hundred."""


def new_id(prefix: str) -> str:
    """`new_id("conv")` → "conv_" and 32 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(16)}"


def team_id() -> str:
    return new_id("team")


def conversation_id() -> str:
    return new_id("conv")


def message_id() -> str:
    return new_id("msg")


def response_id() -> str:
    return new_id("resp")


def turn_id() -> str:
    return new_id("turn")


def invitation_id() -> str:
    return new_id("inv")


def link_id() -> str:
    return new_id("link")


def project_id() -> str:
    return new_id("proj")


def certificate_id() -> str:
    return new_id("cert")


def export_id() -> str:
    return new_id("exp")


def opening_id() -> str:
    return new_id("open")


def file_id() -> str:
    return new_id("file")


def use_id() -> str:
    return new_id("use")
