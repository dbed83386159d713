"""Files as people and strangers send them, each made here: real ones of every type, and hostile ones."""

import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener(thumbnails=False)

ORIENTATION, MAKE, GPS, LATITUDE = 0x0112, 0x010F, 0x8825, 2
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DRAWING = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
)
RELATIONS = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OPEN_DOCUMENT = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def photo(width: int = 1200, height: int = 800) -> Image.Image:
    """Its left half is red, its right half blue, with a gradient from above."""
    picture = Image.new("RGB", (width, height), (200, 30, 30))
    picture.paste((30, 30, 200), (width // 2, 0, width, height))
    shade = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    return Image.blend(picture, shade, 0.2)


def image(form: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    out = BytesIO()
    (picture or photo()).save(out, form, **options)
    return out.getvalue()


def exif(*, orientation: int = 1, place: bool = False) -> Image.Exif:
    found = Image.Exif()
    found[ORIENTATION], found[MAKE] = orientation, "SecretCamera"
    if place:
        found.get_ifd(GPS)[LATITUDE] = (52.0, 31.0, 12.0)
    return found


def animation(count: int, size: tuple[int, int] = (40, 30)) -> bytes:
    frames = [Image.new("P", size, number % 250) for number in range(count)]
    for number, frame in enumerate(frames):
        frame.putpalette(bytes(range(256)) * 3)
        frame.putpixel((number % size[0], 0), 255)
    return image("GIF", frames[0], save_all=True, append_images=frames[1:], duration=40, loop=0, comment=b"a secret comment")


def many_frames(count: int) -> bytes:
    """A GIF of one pixel, so many times."""
    start = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    return start + b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00" * count + b";"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png(side: int) -> bytes:
    """Few bytes that decode to a square of one colour: 13,000 pixels are some 20 KiB."""
    packed = zlib.compressobj(9)
    row = b"\x00" + b"\x00" * -(-side // 8)
    data = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def packed(parts: dict[str, str | bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return out.getvalue()


def docx(body: str = "", *, before: str = "", **more: str | bytes) -> bytes:
    """A text in Word's format: `body` is its XML."""
    body = body or (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Report</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>First page, </w:t></w:r><w:r><w:t>süß.</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        '<w:p><w:r><w:br w:type="page"/></w:r></w:p><w:p><w:r><w:t>Second page.</w:t></w:r></w:p>'
    )
    document = f"{before}<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return packed({"[Content_Types].xml": "<Types/>", "word/document.xml": document, **more})


def pptx() -> bytes:
    """Two slides; the second is shown first."""

    def slide(title: str, text: str) -> str:
        return (
            f'<p:sld {DRAWING}><p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:sp>'
            f"<p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp></p:sld>"
        )

    relations = "".join(f'<Relationship Id="rId{n}" Target="slides/slide{n}.xml"/>' for n in (1, 2))
    shown = '<p:sldIdLst><p:sldId id="256" r:id="rId2"/><p:sldId id="257" r:id="rId1"/></p:sldIdLst>'
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "ppt/presentation.xml": f"<p:presentation {DRAWING} {RELATIONS}>{shown}</p:presentation>",
            "ppt/_rels/presentation.xml.rels": f"<Relationships {PACKAGE}>{relations}</Relationships>",
            "ppt/slides/slide1.xml": slide("Shown last", "the end"),
            "ppt/slides/slide2.xml": slide("Shown first", "a point"),
        }
    )


def xlsx(rows: str = '<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="inlineStr"><is><t>rent</t></is></c></row>') -> bytes:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = {
        "_rels/.rels": f'<Relationship Id="rId1" Type="{relation}/officeDocument" Target="xl/workbook.xml"/>',
        "xl/_rels/workbook.xml.rels": f'<Relationship Id="rId1" Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/>',
    }
    sheets = '<sheets><sheet name="Costs" sheetId="1" r:id="rId1"/></sheets>'
    return packed(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.xml": f"<workbook {SHEET} {RELATIONS}>{sheets}</workbook>",
            **{name: f"<Relationships {PACKAGE}>{each}</Relationships>" for name, each in names.items()},
            "xl/worksheets/sheet1.xml": f"<worksheet {SHEET}><sheetData>{rows}</sheetData></worksheet>",
        }
    )


def opendocument(kind: str) -> bytes:
    """A text, a presentation or a spreadsheet as LibreOffice writes them."""
    cell = '<table:table-cell office:value-type="string"><text:p>cell</text:p></table:table-cell>'
    body = {
        "text": '<text:h text:outline-level="2">Head</text:h><text:p>two<text:s text:c="2"/>words</text:p>',
        "presentation": "<draw:page><text:p>one</text:p></draw:page><draw:page><text:p>two</text:p></draw:page>",
        "spreadsheet": f'<table:table table:name="Sheet"><table:table-row>{cell}</table:table-row></table:table>',
    }[kind]
    body = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return packed(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{manifest}"/>',
            "content.xml": f"<office:document-content {OPEN_DOCUMENT}>{body}</office:document-content>",
        }
    )


def pdf(*pages: str, size: tuple[int, int] = (595, 842)) -> bytes:
    """One page for each text, written by hand: objects, a table of where they are, a trailer."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET"
        box = f"/MediaBox [0 0 {size[0]} {size[1]}] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} /Contents {5 + 2 * number} 0 R >>")
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + (end + f"startxref\n{len(out)}\n%%EOF\n").encode()


MADE: dict[str, Callable[[], bytes]] = {
    "photo.jpg": lambda: image("JPEG"),
    "screen.png": lambda: image("PNG"),
    "picture.webp": lambda: image("WEBP"),
    "moving.gif": lambda: animation(3),
    "phone.heic": lambda: image("HEIF", photo(400, 300)),
    "camera.avif": lambda: image("AVIF", photo(400, 300), speed=10),
    "report.pdf": lambda: pdf("Hello", "World"),
    "letter.docx": docx,
    "talk.pptx": pptx,
    "costs.xlsx": xlsx,
    "letter.odt": lambda: opendocument("text"),
    "talk.odp": lambda: opendocument("presentation"),
    "costs.ods": lambda: opendocument("spreadsheet"),
    "code.py": lambda: b"print('hello')\n",
}
