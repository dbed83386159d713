"""What a model server answers instead of a reply, in any dialect, as one of our errors with a plain sentence.

Bodies seen: {"error": {...}} with string or number codes, {"error": "…"}, {"detail": "…"}, {"detail": [{loc, msg}]}, flat
objects, HTML pages, nothing. The far end's own words are shown only where they help (a refused field), short and without secrets.
"""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from chat import errors
from chat.errors import MalformedStream, UpstreamError
from chat.protocol.loose import load
from chat.protocol.types import Json, error_body

TRANSIENT: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
LONGEST_QUOTE: Final = 300  # characters of the far end's own words that are shown

QUOTA = re.compile(
    r"insufficient_quota|billing|insufficient[ _]balance|exceeded your current quota|out of credits|payment required", re.I
)
CONTEXT = re.compile(
    r"context_length|context_window|exceed_context|context (length|size|window)|prompt (is )?too long|too many (input )?tokens"
    r"|input (is |length )?(is )?too long|reduce the length|input length.*exceeds",
    re.I,
)
FILTER = re.compile(
    r"content_filter|content_policy|responsibleai|content management policy|bio_policy|policy_violation|invalid_prompt"
    r"|usage polic|flagged (as|by)",
    re.I,
)
MODEL = re.compile(
    r"model_not_found|deploymentnotfound|model\b.{0,120}\b(not found|not exist|no access)"
    r"|(unknown|invalid|no such) model\b|not a valid model",
    re.I | re.S,
)
BLIND = re.compile(
    r"mmproj|\b0 image|not a multimodal|only supported by certain models|no endpoints found that support image"
    r"|model\b.{0,40}(not|n't|cannot) (support|accept|process|handle|see|take) (image|vision|multimodal)"
    r"(?!s? (detail|format|type|mime|size|url\b.{0,20}(size|format)))",
    re.I | re.S,
)
"""A model that sees no images at all."""
SIGHTLESS = re.compile(
    r"(image|vision|multimodal).{0,60}(not support|unsupported|cannot)|(not support|unsupported).{0,40}(image|vision)",
    re.I | re.S,
)
"""The same, unless it is about a property of one."""
PROPERTY = re.compile(
    r"\bdetail|\bmime|\bformat|\bsize|larger|smaller|exceed|dimension|pixel|animat|frame|resolution|download|fetch|connect"
    r"|number of|too many|\bcount|at most [1-9]|webp|gif|heic|pdf|document|input_file",
    re.I,
)
IMAGE = re.compile(
    r"invalid_image|invalid_base64_image|an unsupported image\b|unsupported_image|empty_image"
    r"|image_(parse|content_policy|too_|file_)"
    r"|(invalid|unsupported|not a valid|corrupt(ed)?|unknown) (base64 )?image (data|format|type|media|file|url|mime)"
    r"|image (format|type|data).{0,60}(not|un)[ -]?(valid|support|recogni)"
    r"|image.{0,40}(too large|too small|too big|exceeds)"
    r"|(could not|cannot|unable to|failed to) (be )?(process|decode|load|read|open|identify|parse).{0,20} image",
    re.I | re.S,
)
"""An image that it cannot read, where it can read others."""
EYES = re.compile(
    r"mmproj|multimodal|vision|support.{0,20}image (input|content)|image (input|content)s?.{0,20}support", re.I | re.S
)
LOADING = re.compile(r"loading model|model is (still )?loading|currently loading|warming up", re.I)


@dataclass(frozen=True)
class Answer:
    """What came instead of a reply. `status` 0: it came inside a stream. `asked` is the wait in seconds that it asked for."""

    status: int
    code: str = ""
    type: str = ""
    param: str | None = None
    message: str = ""
    asked: float | None = None
    retry: bool | None = None

    @property
    def words(self) -> str:
        return f"{self.code} {self.type} {self.message}"

    @property
    def transient(self) -> bool:
        return self.status in TRANSIENT if self.retry is None else self.retry


class Answered(Exception):
    """The cause of an error that the far end stated itself. Its text is left out on purpose: it may quote what people wrote."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"status {answer.status}, code {answer.code!r}")


def answer_of(error: BaseException) -> Answer | None:
    """What the far end said, when it was the far end that said it."""
    cause = error.__cause__
    return cause.answer if isinstance(cause, Answered) else None


def from_http(status: int, headers: Mapping[str, str], body: bytes, *, secrets: tuple[str, ...] = ()) -> UpstreamError:
    """The error for an HTTP answer that is no reply; status 0 for one sent as a success.

    `headers` must be case-insensitive; `body` may be cut short.
    """
    code, kind, param, message = _read(body)
    if code.isdigit():
        status, code = status or int(code[:3]), ""
    asked, hint = _asked(headers), headers.get("x-should-retry")
    retry = hint == "true" if hint in ("true", "false") else None
    return from_answer(Answer(status, code, kind, param, _clean(message, secrets=secrets), asked, retry))


def from_stream(code: str, message: str, *, secrets: tuple[str, ...] = ()) -> UpstreamError:
    """The error for an error event, or for the `error` of a failed Response."""
    status = int(code) if code.isdigit() and 400 <= int(code) <= 599 else 0
    return from_answer(Answer(status, code, "", None, _clean(message, secrets=secrets)))


def from_answer(answer: Answer) -> UpstreamError:
    error = _judge(answer)
    error.retry_after = answer.asked
    error.__cause__ = Answered(answer)
    return error


def _judge(answer: Answer) -> UpstreamError:
    status, words = answer.status, answer.words
    if status == 402 or (status in (0, 403, 429) and QUOTA.search(words)):
        return errors.QuotaExceeded()
    if status == 429 or answer.code.startswith("rate_limit"):
        return _rate_limited(answer.asked)
    if status == 401 or answer.code in ("invalid_api_key", "authentication_error"):
        return errors.KeyRefused()
    if FILTER.search(words) and status in (0, 400, 403, 422):
        return errors.Filtered()
    if status == 403:
        return errors.KeyRefused(
            "The model server refused access.", next="Ask whoever runs this server to check the key and the model's access there."
        )
    if CONTEXT.search(words):
        return errors.ContextTooLong()
    about_image = bool(PROPERTY.search(words)) or (answer.param or "").endswith("detail")
    if status in (0, 400, 413, 415, 422) and _refuses_image(words, about_image):
        said = f" It says: “{answer.message}”" if answer.message else ""
        return errors.ImageRefused(f"{errors.ImageRefused.message}{said}", param=answer.param)
    if BLIND.search(words) or (SIGHTLESS.search(words) and not about_image):
        return errors.ModelCannotSee()
    if (MODEL.search(words) or answer.param == "model") and status in (0, 400, 404, 422):
        return errors.ModelNotFound()
    return _by_status(answer)


def _refuses_image(words: str, about_image: bool) -> bool:
    """Whether it is about this image, not about images."""
    if BLIND.search(words):
        return False
    return bool((IMAGE.search(words) and not EYES.search(words)) or (SIGHTLESS.search(words) and about_image))


def _by_status(answer: Answer) -> UpstreamError:
    status = answer.status
    if status in (408, 504, 524):
        return errors.Slow()
    if LOADING.search(answer.message):
        return errors.UpstreamBroken("The model is loading.", next="Try again in a moment.")
    if status == 0 or status >= 500:
        return _broken(status)
    if 300 <= status < 400 or status in (404, 405):
        return errors.UpstreamRejected(
            f"The model server has nothing at this address ({status}).",
            next="Ask whoever runs this server to check OPENAI_BASE_URL; it often ends in /v1.",
        )
    if status == 413:
        return errors.UpstreamRejected(
            "The model server says that this is too large to send.", next="Send less at once, or start a new conversation."
        )
    said = f" It says: “{answer.message}”" if answer.message else ""
    return errors.UpstreamRejected(f"The model server did not accept the request.{said}", param=answer.param)


def _broken(status: int) -> UpstreamError:
    if status in (502, 503, 529):
        return errors.UpstreamBroken("The model server is overloaded or being restarted.", next="Try again in a moment.")
    return errors.UpstreamBroken()


def _rate_limited(asked: float | None) -> UpstreamError:
    if asked is None or asked <= 0:
        return errors.RateLimited()
    wait = spoken(asked)
    return errors.RateLimited(
        f"The model server is getting too many requests and asks to wait {wait}.", next=f"Try again in {wait}."
    )


def spoken(seconds: float) -> str:
    """A wait in words, rounded up."""
    for name, size in (("hour", 3600), ("minute", 60)):
        if seconds > 1.5 * size:
            return f"{math.ceil(seconds / size)} {name}s"
    count = max(1, math.ceil(seconds))
    return f"{count} second{'' if count == 1 else 's'}"


def _asked(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `Retry-After` (seconds or a date); None when absent or nonsense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return seconds if 0 <= seconds < 10_000_000 else None
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, OverflowError):
        return None


def _read(body: bytes) -> tuple[str, str, str | None, str]:
    """code, type, param, message; empty where there is none."""
    try:
        wire = load(body)
    except MalformedStream:
        return "", "", None, _page(body)
    if isinstance(wire, list) and wire:
        wire = wire[0]  # Gemini wraps its error in a list
    if not isinstance(wire, dict):
        return "", "", None, wire if isinstance(wire, str) else ""
    inner = next((found for found in (wire.get("error"), _first(wire.get("detail"))) if isinstance(found, dict)), wire)
    said = error_body(wire, code="")
    return said.code, _text(inner.get("type")) or _text(inner.get("status")), _param(inner), said.message


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _param(wire: Json) -> str | None:
    """`param`, or FastAPI's `loc` (["body", "include", 0])."""
    if isinstance(param := wire.get("param"), str):
        return param
    loc = wire.get("loc")
    names = [name for name in loc if isinstance(name, str) and name != "body"] if isinstance(loc, list) else []
    return names[0] if names else None


def _page(body: bytes) -> str:
    """A short plain text is a message; a page is not."""
    text = body[:2000].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") or len(text) > LONGEST_QUOTE else text


def _clean(message: str, *, secrets: tuple[str, ...]) -> str:
    """One short line without keys, and without credentials in addresses."""
    for secret in secrets:
        if len(secret) > 3:
            message = message.replace(secret, "…")
    message = re.sub(r"\b(sk|key|gsk|xai|hf|pk)[-_][\w*.-]{6,}", "…", message)
    message = re.sub(r"//[^/\s@]+@", "//…@", message)
    message = re.sub(r"(?i)\bbearer\s+\S+", "Bearer …", re.sub(r"<[^>]*>", " ", message))
    message = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    return message if len(message) <= LONGEST_QUOTE else message[: LONGEST_QUOTE - 1] + "…"
