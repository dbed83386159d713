"""What is done to a decoded picture: turned upright, put into sRGB and eight bits, freed of all that is not pixels."""

import struct
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageCms, JpegImagePlugin, MpoImagePlugin, TiffImagePlugin

ORIENTATION, GPS = 0x0112, 0x8825  # tags of Exif
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ODD: Final = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)  # a camera's broken Exif
SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
KEPT: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})  # modes that are encoded as they are
LOADED: Final = (MpoImagePlugin, TiffImagePlugin)  # which Pillow imports when it comes upon what they read
DEEP: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})  # sixteen bits of grey


def exif(picture: Image.Image) -> tuple[int, bool]:
    """How it is to be turned, and whether it says where it was taken."""
    try:
        found = picture.getexif()
        return int(found.get(ORIENTATION, 1)), bool(found.get_ifd(GPS))
    except ODD:
        return 1, False


def webp_size(data: bytes) -> tuple[int, int]:
    """What its first chunk says; (0, 0) of one that is none."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def plain(picture: Image.Image, orientation: int) -> Image.Image:
    """The pixels and their transparency, upright, and nothing else."""
    picture.load()
    profile, transparency = picture.info.get("icc_profile"), picture.info.get("transparency")
    turned = picture.transpose(TURNS[orientation]) if orientation in TURNS else picture
    if profile and turned.mode == "P":
        turned = turned.convert("RGBA" if transparency is not None else "RGB")
    shown = _shallow(_in_srgb(turned, profile))
    shown.info = {"transparency": transparency} if transparency is not None and shown.mode in ("1", "L", "P", "RGB") else {}
    return shown


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(own).lower():
            return picture
        mode = "RGB" if picture.mode == "CMYK" else picture.mode
        return ImageCms.profileToProfile(picture, own, SRGB, outputMode=mode) or picture
    except (ImageCms.PyCMSError, *ODD):
        return picture


def _shallow(picture: Image.Image) -> Image.Image:
    if picture.mode in KEPT:
        return picture
    if picture.mode in DEEP:
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return picture.convert("RGBA" if picture.mode in ("PA", "La", "RGBa") else "RGB")


def transparent(picture: Image.Image) -> bool:
    """Whether anything shines through: many cameras write an alpha channel that is never used."""
    if "transparency" in picture.info:
        return True
    return picture.mode in ("LA", "RGBA") and picture.getchannel("A").getextrema()[0] != 255


def opaque(picture: Image.Image) -> Image.Image:
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode in ("1", "LA") else "RGB")


def tables(picture: Image.Image) -> dict[str, Any]:
    """How a JPEG was compressed, so that it is compressed in the same way again and loses next to nothing."""
    if not isinstance(picture, JpegImagePlugin.JpegImageFile) or picture.mode not in ("L", "RGB"):
        return {"quality": 92}
    sampling = JpegImagePlugin.get_sampling(picture)
    return {"qtables": picture.quantization, **({"subsampling": sampling} if sampling >= 0 else {})}


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def thumbnails(picture: Image.Image, widths: tuple[int, ...], *, longest: int) -> dict[int, bytes]:
    """WebP of each width that is smaller than the picture's own; none is enlarged."""
    found: dict[int, bytes] = {}
    source = picture
    for width in sorted((each for each in widths if each < picture.width), reverse=True):
        height = max(1, round(picture.height * width / picture.width))
        if height > longest:
            continue
        if source is picture:
            source = picture.convert("RGBA") if transparent(picture) else picture.convert("RGB")
            source.info = {}
        source = source.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
        found[width] = saved(source, "WEBP", quality=80, method=4)
    return found


def warm() -> None:
    """Load what is otherwise loaded when it is first used, all that opens a file among it."""
    dot = Image.new("RGBA", (4, 4))
    for form in ("PNG", "WEBP"):
        Image.open(BytesIO(saved(dot, form))).load()
    found = Image.Exif()
    found[ORIENTATION] = 1
    found.get_ifd(GPS)[2] = (1.0, 1.0, 1.0)
    exif(Image.open(BytesIO(saved(opaque(dot), "JPEG", exif=found))))
    ImageCms.getProfileDescription(SRGB)
