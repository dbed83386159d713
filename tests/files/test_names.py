"""Names are words beside a file: whatever stands in one does nothing where it is shown, sent or written."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.files import clean_name
from chat.files.names import typed


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("IMG_0001.jpg", "IMG_0001.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\r\nSet-Cookie: x.png", "a b Set-Cookie x.png"),
        ("invoice\u202egnp.exe", "invoice gnp.exe"),
        ("zero\u200bwidth.txt", "zero width.txt"),
        ('"><script>.png', "script.png"),
        ("CON.txt", "_CON.txt"),
        (".htaccess", "htaccess"),
        ("größe 日本.pdf", "größe 日本.pdf"),
    ],
)
def test_a_name_is_the_last_part_of_what_was_sent_and_inert(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@pytest.mark.parametrize(
    ("name", "type", "kept"),
    [
        ("IMG_0001.HEIC", "image/jpeg", "IMG_0001.jpg"),
        ("photo.JPEG", "image/jpeg", "photo.JPEG"),
        ("shot.jpg", "image/png", "shot.png"),
        ("page.html", "image/png", "page.html.png"),
        ("logo", "image/webp", "logo.webp"),
        ("photo.jpg", "application/pdf", "photo.pdf"),
        ("x" * 117 + ".py", "application/pdf", "x" * 116 + ".pdf"),
        ("page.html", "text/plain", "page.html"),
    ],
)
def test_what_was_made_of_a_file_is_called_so(name: str, type: str, kept: str) -> None:
    assert typed(name, type) == kept


@settings(max_examples=50)
@given(st.text(max_size=200))
@example("\ud800")
@example("日" * 4_096 + ".jpeg")
@example("/" * 4_096)
def test_whatever_it_was_it_is_short_visible_and_no_path(sent: str) -> None:
    kept = clean_name(sent)
    assert 0 < len(kept) <= 120
    assert len(kept.encode()) <= 240
    assert not set(kept) & set('<>:"/\\|?*')
    assert all(letter == " " or unicodedata.category(letter)[0] not in "CZ" for letter in kept)
    assert kept not in (".", "..")
    assert clean_name(kept) == kept
