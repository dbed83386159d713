"""Images: what a phone, a browser or a stranger sends → what model servers take, upright, without what it says of its maker."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

from PIL import Image, ImageFile

from chat.decoding import gif, kinds, pictures
from chat.decoding.frames import Answer, Refusal

LONGEST: Final = 16_383  # pixels of a side that WebP takes
LONGEST_SIDE: Final = 65_500  # that JPEG takes
PLUGINS: Final = {"PNG": "Png", "JPEG": "Jpeg", "WEBP": "WebP", "GIF": "Gif", "AVIF": "Avif"}
NAMES: Final = {"HEIF": "HEIC", "WEBP": "WebP"}


def prepared(form: str, *, pixels: int, frames: int, size: int) -> Callable[[bytes], Answer]:
    """`form` is Pillow's name for it. At most so many pixels (all pictures of an animation: four times that), pictures, bytes."""
    load(form)

    def work(data: bytes) -> Answer:
        if form == "WEBP":  # Pillow takes memory for all of it when it opens one
            measured(pictures.webp_size(data), pixels)
        with Image.open(BytesIO(data), formats=[form]) as picture:
            measured(picture.size, pixels)
            if form == "GIF":
                return _of_gif(data, picture.size, frames=frames, pixels=pixels * 4)
            return _of_still(picture, form, data, size)

    return work


def still(form: str, *, pixels: int) -> Callable[[bytes], Answer]:
    """The first picture, as what every model server takes: PNG where something shines through or each pixel counts, else JPEG."""
    load(form)

    def work(data: bytes) -> Answer:
        with Image.open(BytesIO(data), formats=[form]) as picture:
            measured(picture.size, pixels)
            shown = pictures.plain(picture, 1)
        if form == "WEBP" and not pictures.transparent(shown):
            return Answer(parts=[pictures.saved(pictures.opaque(shown), "JPEG", quality=92)])
        return Answer(parts=[pictures.saved(shown, "PNG")])

    return work


def load(form: str) -> None:
    """Everything, so that nothing is opened later."""
    Image.MAX_IMAGE_PIXELS = None  # the header is judged here
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
    for name in {"WebP", "Jpeg", "Png", PLUGINS.get(form, "Png")}:
        __import__(f"PIL.{name}ImagePlugin")
    pictures.warm()


def measured(size: tuple[int, int], pixels: int, *, count: int = 1) -> None:
    width, height = size
    if max(size) > LONGEST_SIDE:
        raise Refusal(
            f"This image is {max(size):,} pixels long; {LONGEST_SIDE:,} are the most.", "Cut it into parts.", kind="large"
        )
    if width * height * count > pixels:
        what = f"{width:,} × {height:,} pixels" + (f" in {count} pictures" if count > 1 else "")
        raise Refusal(
            f"This image has {what}; {pixels / 1e6:g} megapixels are the most.",
            "Make it smaller, then send it again.",
            kind="large",
        )


def _of_gif(data: bytes, size: tuple[int, int], *, frames: int, pixels: int) -> Answer:
    anew, count = gif.rewritten(data, frames=frames)
    measured(size, pixels, count=count)
    with Image.open(BytesIO(anew), formats=["GIF"]) as picture:
        first = pictures.plain(picture.copy(), 1)
        for number in range(count):  # each of them can be decoded
            picture.seek(number)
            measured(picture.size, pixels, count=count)
            picture.load()
    return _answer("GIF", anew, first, frames=count, changed="")


def _of_still(picture: Image.Image, form: str, data: bytes, size: int) -> Answer:
    orientation, placed = pictures.exif(picture)
    several = getattr(picture, "n_frames", 1) > 1 and form not in ("JPEG", "HEIF")  # there they are others of the same moment
    options = pictures.tables(picture) if form == "JPEG" else {}
    shown = pictures.plain(picture, orientation)
    target = _target(form, shown, data)
    encoded, found = _encoded(shown, target, options, size)
    said = [
        f"Only its first picture of {getattr(picture, 'n_frames', 1)} is kept." if several else "",
        f"{NAMES.get(form, form)} became {NAMES.get(found, found)}." if found != form else "",
        "Where it was taken has been removed from it." if placed else "",
    ]
    return _answer(found, encoded, shown, frames=1, changed=" ".join(filter(None, said)))


def _target(form: str, shown: Image.Image, data: bytes) -> str:
    """What it becomes. A lossless WebP is a PNG sooner than a WebP again; what cameras write is a JPEG."""
    if form in ("PNG", "JPEG"):
        return form
    if form == "WEBP":
        return "PNG" if b"VP8L" in data[:4096] else "WEBP"
    return "WEBP" if pictures.transparent(shown) else "JPEG"


def _encoded(shown: Image.Image, target: str, options: dict[str, object], size: int) -> tuple[bytes, str]:
    """The bytes, and what they are: too large a PNG becomes something smaller."""
    if target == "JPEG":
        found = pictures.saved(pictures.opaque(shown), "JPEG", **(options or {"quality": 92}))
    elif target == "WEBP":
        found = pictures.saved(shown, "WEBP", quality=90)
    else:
        found = pictures.saved(shown, "PNG")
    if len(found) <= size:
        return found, target
    if pictures.transparent(shown) and max(shown.size) <= LONGEST:
        return pictures.saved(shown, "WEBP", quality=80), "WEBP"
    return pictures.saved(pictures.opaque(shown), "JPEG", quality=85), "JPEG"


def _answer(form: str, data: bytes, shown: Image.Image, *, frames: int, changed: str) -> Answer:
    small = pictures.thumbnails(shown, kinds.WIDTHS, longest=LONGEST)
    said = {
        "type": kinds.IMAGES[form],
        "width": shown.width,
        "height": shown.height,
        "frames": frames,
        "changed": changed,
        "widths": list(small),
    }
    return Answer(said, [data, *small.values()])
