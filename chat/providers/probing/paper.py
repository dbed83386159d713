"""The smallest PDF with a word on it, as a probe sends it."""

import base64
from typing import Final

WORD: Final = "PELICAN"


def _pdf(word: str) -> bytes:
    drawn = f"BT /F 36 Tf 20 40 Td ({word}) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 100]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    text, table = "%PDF-1.4\n", ""
    for number, body in enumerate(objects, 1):
        table += f"{len(text):010} 00000 n \n"
        text += f"{number} 0 obj{body}endobj\n"
    count = len(objects) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer<</Size {count}/Root 1 0 R>>\nstartxref\n{len(text)}\n%%EOF\n"
    return (text + end).encode()


PAPER: Final = f"data:application/pdf;base64,{base64.b64encode(_pdf(WORD)).decode()}"
