"""What documents are: the parts that must be in one, its type on the wire, and the way to read it."""

from typing import Final

XML: Final = "application/vnd.openxmlformats-officedocument"
ODF: Final = "application/vnd.oasis.opendocument"
PDF: Final = "application/pdf"
OPEN_XML: Final = {
    "word/document.xml": (f"{XML}.wordprocessingml.document", "docx"),
    "ppt/presentation.xml": (f"{XML}.presentationml.presentation", "pptx"),
    "xl/workbook.xml": (f"{XML}.spreadsheetml.sheet", "sheets"),
}
OPEN_DOCUMENT: Final = {f"{ODF}.text": "odf", f"{ODF}.presentation": "odf", f"{ODF}.spreadsheet": "sheets"}
PACKED: Final = frozenset({*(type for type, _ in OPEN_XML.values()), *OPEN_DOCUMENT})
WIDTHS: Final = (320, 960)  # of thumbnails
IMAGES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
