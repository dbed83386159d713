"""What is written in an image: PP-OCR's small models, through onnxruntime, from the files of the package (the extra `ocr`)."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

import numpy
from PIL import Image
from rapidocr import RapidOCR

from chat.decoding import images, pictures
from chat.decoding.frames import Answer

THREADS: Final = 2
OPTIONS: Final[dict[str, Any]] = {
    "Global.log_level": "critical",
    "Det.limit_side_len": 64,  # as PaddleOCR has it by now: small pictures are not made large
    "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}
Box = tuple[float, float, float, str]  # left, top, bottom, what stands in it


def prepared(form: str, *, pixels: int, most: int) -> Callable[[bytes], Answer]:
    """At most so many bytes of text."""
    images.load(form)
    engine = RapidOCR(params=OPTIONS)
    blank = numpy.full((48, 96, 3), 255, dtype=numpy.uint8)
    engine(blank, use_det=False, use_cls=True, use_rec=True)  # all models are read
    engine(blank, use_det=True, use_cls=True, use_rec=True)

    def work(data: bytes) -> Answer:
        with Image.open(BytesIO(data), formats=[form]) as picture:
            images.measured(picture.size, pixels)
            shown = pictures.plain(picture, 1)
        found = engine(_array(shown), use_det=True, use_cls=True, use_rec=True)
        text = "\n".join(lines(_boxes(found)))
        return Answer(parts=[text.encode()[:most].decode(errors="ignore").encode()])

    return work


def _array(picture: Image.Image) -> Any:
    """On white, blue first."""
    if pictures.transparent(picture):
        whole = picture.convert("RGBA")
        ground = Image.new("RGBA", whole.size, "white")
        ground.alpha_composite(whole)
        picture = ground
    return numpy.asarray(picture.convert("RGB"))[:, :, ::-1]


def _boxes(found: Any) -> list[Box]:
    if getattr(found, "boxes", None) is None or not found.txts:
        return []
    return [
        (float(min(x for x, _ in box)), float(min(y for _, y in box)), float(max(y for _, y in box)), text)
        for box, text in zip(found.boxes, found.txts, strict=True)
    ]


def lines(boxes: list[Box]) -> list[str]:
    """As they are read: what stands beside each other is one line, from left to right."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda each: (each[1] + each[2]) / 2):
        last = rows[-1][-1] if rows else None
        if last and last[1] <= (box[1] + box[2]) / 2 <= last[2]:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [" ".join(text for *_, text in sorted(row)) for row in rows]
