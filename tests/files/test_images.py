"""Images become what model servers take: upright, at their own resolution, with nothing that tells of who made them."""

from io import BytesIO

import pytest
from PIL import Image

from chat import errors, files
from chat.files import Taken
from tests.files import samples


def shown(taken: Taken) -> Image.Image:
    return Image.open(BytesIO(taken.data))


def reddest(picture: Image.Image) -> str:
    """Where the red half is."""
    small = picture.convert("RGB").resize((3, 3))
    places = {"left": (0, 1), "right": (2, 1), "above": (1, 0), "below": (1, 2)}

    def redness(at: tuple[int, int]) -> int:
        red, _, blue = small.getpixel(at)  # type: ignore[misc]
        return red - blue

    return max(places, key=lambda name: redness(places[name]))


@pytest.mark.parametrize(
    ("name", "type", "size", "frames"),
    [
        ("photo.jpg", "image/jpeg", (1200, 800), 1),
        ("screen.png", "image/png", (1200, 800), 1),
        ("picture.webp", "image/webp", (1200, 800), 1),
        ("moving.gif", "image/gif", (40, 30), 3),
        ("phone.heic", "image/jpeg", (400, 300), 1),
        ("camera.avif", "image/jpeg", (400, 300), 1),
    ],
)
def test_every_type_becomes_one_that_is_taken_at_its_own_resolution(
    name: str, type: str, size: tuple[int, int], frames: int
) -> None:
    taken = files.take_in(BytesIO(samples.MADE[name]()), name=name)
    assert (taken.kind, taken.type, (taken.width, taken.height), taken.frames) == ("image", type, size, frames)
    assert Image.MIME[shown(taken).format or ""] == type
    assert shown(taken).size == size
    assert sorted(taken.thumbnails) == [width for width in (320, 960) if width < size[0]]
    for width, data in taken.thumbnails.items():
        small = Image.open(BytesIO(data))
        assert (small.format, small.width) == ("WEBP", width)


def test_a_photo_stands_upright_and_says_neither_where_nor_by_what_it_was_taken() -> None:
    picture = samples.image("JPEG", exif=samples.exif(orientation=6, place=True), comment=b"SecretCamera")
    taken = files.take_in(picture, name="IMG_0001.jpg")
    assert (taken.width, taken.height) == (800, 1200)
    assert reddest(shown(taken)) == "above"
    assert not shown(taken).getexif()
    assert b"SecretCamera" not in taken.data
    assert b"Exif" not in taken.data
    assert taken.changed == "Where it was taken has been removed from it."


def test_a_jpeg_is_compressed_as_it_was() -> None:
    before = samples.image("JPEG", quality=71)
    taken = files.take_in(before, name="a.jpg")
    assert shown(taken).quantization == Image.open(BytesIO(before)).quantization  # type: ignore[attr-defined]
    assert files.take_in(taken.data, name="a.jpg").digest != ""


def test_the_same_picture_is_the_same_file() -> None:
    first, second = (files.take_in(samples.image("PNG", samples.photo(60, 40)), name=name) for name in ("a.png", "b.png"))
    assert first.digest == second.digest


def test_transparency_stays() -> None:
    clear = samples.photo(64, 64).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((64, 64)))
    for form in ("PNG", "WEBP", "AVIF"):
        taken = files.take_in(samples.image(form, clear), name="logo")
        assert shown(taken).mode == "RGBA"
        assert taken.type in ("image/png", "image/webp")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
def test_odd_ways_to_store_colours_are_taken(mode: str) -> None:
    picture = samples.photo(64, 64).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = picture.convert("I").point(lambda value: value * 256).convert("I;16")
    taken = files.take_in(samples.image("JPEG" if mode == "CMYK" else "PNG", picture), name="odd")
    assert shown(taken).mode in ("1", "L", "LA", "P", "RGB")
    assert len(set(shown(taken).convert("L").tobytes())) > 1


def test_a_moving_picture_keeps_its_pictures_and_loses_its_comments() -> None:
    taken = files.take_in(samples.animation(5) + b"<script>what follows the end</script>", name="cat.gif")
    assert taken.frames == 5
    assert shown(taken).n_frames == 5  # type: ignore[attr-defined]
    assert b"secret" not in taken.data
    assert b"script" not in taken.data


def test_of_other_moving_pictures_the_first_is_kept() -> None:
    frames = [samples.photo(60, 40), samples.photo(60, 40).rotate(180)]
    taken = files.take_in(samples.image("WEBP", frames[0], save_all=True, append_images=frames[1:]), name="a.webp")
    assert (taken.frames, taken.changed) == (1, "Only its first picture of 2 is kept.")
    assert reddest(shown(taken)) == "left"


def test_what_a_camera_writes_beside_its_picture_is_no_reason_to_refuse_it() -> None:
    broken = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff" + b"\xff" * 40
    taken = files.take_in(samples.image("JPEG", samples.photo(60, 40), exif=broken), name="a.jpg")
    assert (taken.width, taken.height) == (60, 40)
    profile = samples.image("PNG", samples.photo(60, 40), icc_profile=b"this is no profile")
    assert b"no profile" not in files.take_in(profile, name="a.png").data


def test_what_not_every_server_takes_is_made_into_what_it_takes() -> None:
    moving = files.take_in(samples.animation(3), name="a.gif").data
    still, type = files.still(moving)
    assert type == "image/png"
    assert Image.open(BytesIO(still)).size == (40, 30)
    webp = files.take_in(samples.image("WEBP", samples.photo(60, 40)), name="a.webp").data
    assert files.still(webp)[1] == "image/jpeg"
    png = samples.image("PNG", samples.photo(60, 40))
    assert files.still(png) == (png, "image/png")
    with pytest.raises(errors.InvalidInput):
        files.still(samples.pdf("x"))
