"""What model servers answer instead of a reply, in their own words, and what people read."""
# ruff: noqa: E501 - bodies as they came

import pickle
import traceback

import httpx
import pytest

from chat import errors
from chat.protocol.client import Client, Timeouts
from chat.protocol.failures import from_http, from_stream, spoken
from tests.scripted import ScriptedServer

KEY = "sk-proj-VerySecretKey0123456789"

DIALECTS = [
    (
        401,
        '{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}',
        errors.KeyRefused,
    ),
    (401, '{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}', errors.KeyRefused),
    (401, "", errors.KeyRefused),
    (403, "<html><h1>Forbidden</h1></html>", errors.KeyRefused),
    (
        402,
        '{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}',
        errors.QuotaExceeded,
    ),
    (
        429,
        '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}',
        errors.QuotaExceeded,
    ),
    (429, '{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}', errors.RateLimited),
    (429, "Too Many Requests", errors.RateLimited),
    (
        400,
        '{"error":{"message":"This model\'s maximum context length is 8192 tokens.","code":"context_length_exceeded"}}',
        errors.ContextTooLong,
    ),
    (
        400,
        '{"error":{"code":400,"message":"request (9031 tokens) exceeds the available context size (4096 tokens)","type":"exceed_context_size_error"}}',
        errors.ContextTooLong,
    ),
    (
        400,
        '{"object":"error","message":"This model\'s maximum context length is 4096 tokens.","type":"BadRequestError","code":400}',
        errors.ContextTooLong,
    ),
    (
        400,
        '{"error":{"code":"content_filter","message":"The response was filtered due to the prompt triggering content management policy."}}',
        errors.Filtered,
    ),
    (
        404,
        '{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}',
        errors.ModelNotFound,
    ),
    (404, '{"error":{"message":"model \\"x\\" not found, try pulling it first","type":"api_error"}}', errors.ModelNotFound),
    (
        404,
        '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}',
        errors.ModelNotFound,
    ),
    (400, '{"error":{"message":"foo/bar is not a valid model ID","code":400}}', errors.ModelNotFound),
    (404, "404 page not found", errors.UpstreamRejected),
    (404, '{"detail":"Not Found"}', errors.UpstreamRejected),
    (302, "", errors.UpstreamRejected),
    (413, "<html>413 Request Entity Too Large</html>", errors.UpstreamRejected),
    (
        422,
        '{"detail":[{"type":"extra_forbidden","loc":["body","include"],"msg":"Extra inputs are not permitted"}]}',
        errors.UpstreamRejected,
    ),
    (400, '{"error":"bad"}', errors.UpstreamRejected),
    (
        500,
        '{"error":{"code":500,"message":"image input is not supported - hint: you may need to provide the mmproj","type":"server_error"}}',
        errors.ModelCannotSee,
    ),
    (400, '{"error":{"message":"At most 0 image(s) may be provided in one request.","code":400}}', errors.ModelCannotSee),
    (400, '{"error":{"message":"This model does not support image input: cannot process the image."}}', errors.ModelCannotSee),
    (400, '{"error":{"message":"You uploaded an unsupported image.","code":"invalid_image_format"}}', errors.ImageRefused),
    (400, '{"error":{"message":"Image dimensions cannot exceed 8000 pixels."}}', errors.ImageRefused),
    (400, '{"error":{"message":"Animated images are not supported."}}', errors.ImageRefused),
    (400, '{"error":{"message":"Image detail \'original\' is not supported with this model."}}', errors.ImageRefused),
    (400, '{"error":{"message":"image_url is only supported by certain models."}}', errors.ModelCannotSee),
    (404, '{"error":{"message":"No endpoints found that support image input"}}', errors.ModelCannotSee),
    (400, '{"error":{"message":"cannot identify image file <_io.BytesIO object>"}}', errors.ImageRefused),
    (422, '{"detail":"The image format is not supported."}', errors.ImageRefused),
    (500, "", errors.UpstreamBroken),
    (502, "<html><body>Bad gateway</body></html>", errors.UpstreamBroken),
    (503, '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}', errors.UpstreamBroken),
    (504, "upstream request timeout", errors.Slow),
    (400, '[{"error":{"code":400,"message":"odd","status":"INVALID_ARGUMENT"}}]', errors.UpstreamRejected),
    (400, "\x00\xff[[[", errors.UpstreamRejected),
    (400, "[" * 5000, errors.UpstreamRejected),
    (400, '{"error":{"message":12,"code":{"a":1},"param":[1]}}', errors.UpstreamRejected),
]


@pytest.mark.parametrize(("status", "body", "kind"), DIALECTS)
def test_every_dialect_becomes_the_error_it_means(status: int, body: str, kind: type[errors.UpstreamError]) -> None:
    error = from_http(status, httpx.Headers(), body.encode("latin-1"))
    assert type(error) is kind
    assert error.message.endswith((".", "”"))
    assert error.next.endswith(".")
    assert "{" not in error.message


def test_a_refused_field_is_named_in_the_servers_words() -> None:
    error = from_http(400, httpx.Headers(), b'{"error":{"message":"Unsupported value: \'temperature\'.","param":"temperature"}}')
    assert error.param == "temperature"
    assert "Unsupported value: 'temperature'." in error.message


def test_the_loading_model_is_said_to_be_loading() -> None:
    error = from_http(503, httpx.Headers(), b'{"error":{"code":503,"message":"Loading model"}}')
    assert error.message == "The model is loading."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"Retry-After": "1e99"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert from_http(429, httpx.Headers(headers), b"").retry_after == seconds


def test_waits_are_spoken() -> None:
    assert [spoken(seconds) for seconds in (0.2, 1, 35, 90, 91, 600, 7200)] == [
        "1 second", "1 second", "35 seconds", "90 seconds", "2 minutes", "10 minutes", "2 hours",
    ]  # fmt: skip


def test_errors_inside_a_stream_are_judged_alike() -> None:
    assert type(from_stream("rate_limit_exceeded", "slow down")) is errors.RateLimited
    assert type(from_stream("429", "slow down")) is errors.RateLimited
    assert type(from_stream("server_error", "Context size has been exceeded.")) is errors.ContextTooLong
    assert type(from_stream("server_error", "oops")) is errors.UpstreamBroken


@pytest.mark.parametrize("shape", ["openai", "string", "detail", "flat", "html"])
async def test_no_error_tells_the_key(scripted: ScriptedServer, shape: str) -> None:
    client = Client(scripted.base_url.replace("//", "//ann:passw0rd-x@"), KEY, timeouts=Timeouts(pauses=()))
    text = f'[[error=400 body={shape} message="Bad key {KEY} at http://ann:passw0rd-x@host/ Bearer {KEY}"]]'
    with pytest.raises(errors.UpstreamError) as caught:
        [event async for events in client.stream("/responses", {"model": "m", "input": text, "stream": True}) for event in events]
    told = "".join(traceback.format_exception(caught.value)) + caught.value.message + repr(client)
    assert KEY not in told
    assert "passw0rd" not in told


def test_what_people_wrote_is_not_in_the_traceback() -> None:
    error = from_http(400, httpx.Headers(), b'{"error":{"message":"input was: my diary","type":"x"}}')
    assert "diary" not in str(error.__cause__)


def test_errors_can_be_pickled() -> None:
    error = from_http(429, httpx.Headers({"retry-after": "3"}), b"")
    assert pickle.loads(pickle.dumps(error)).message == error.message
