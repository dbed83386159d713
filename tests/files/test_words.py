"""What is written in an image is read where the extra for it is installed, in the order in which people read."""

from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from chat import errors, files
from chat.decoding.words import lines
from chat.files import child
from tests.files import samples


def scoreboard() -> bytes:
    picture = Image.new("RGBA", (500, 160), (0, 0, 0, 0))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(36)
    pen.text((20, 20), "Rovers 3", fill="black", font=font)
    pen.text((300, 22), "United 1", fill="black", font=font)
    pen.text((20, 90), "Full time", fill="black", font=font)
    return samples.image("PNG", picture)


def test_the_words_on_a_picture_are_read() -> None:
    assert files.ocr_here()
    taken = files.take_in(scoreboard(), name="board.png")
    assert files.text_in_image(taken.data).split() == ["Rovers", "3", "United", "1", "Full", "time"]


def test_what_stands_beside_each_other_is_one_line() -> None:
    boxes = [(300, 12, 40, "b"), (10, 90, 120, "d"), (10, 10, 42, "a"), (600, 14, 38, "c")]
    assert lines([(float(left), float(top), float(bottom), text) for left, top, bottom, text in boxes]) == ["a b c", "d"]


@pytest.mark.parametrize("data", [b"%PDF-1.4", b"", b"<svg/>"])
def test_what_is_no_image_has_no_words(data: bytes) -> None:
    with pytest.raises(errors.InvalidInput):
        files.text_in_image(data)


def test_one_at_a_time_is_read_like_any_other_file(settings: Any) -> None:
    settings.UPLOADS_WAITING = 0
    with child.places_for_words().one(), pytest.raises(errors.Busy):
        files.text_in_image(scoreboard())
