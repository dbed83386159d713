"""Every error raised on purpose.

    ParleyError
    ├── InvalidInput          400  what was sent cannot be used (form, frame, API field)
    ├── NotFound              404  it does not exist, or not for this person
    ├── Refused               403  signed in, and not allowed
    ├── Conflict              409  somebody was faster, or the state forbids it
    ├── TooLarge              413
    ├── TooOften              429  so often within a minute
    ├── Misconfigured         500  a setting is wrong; the message names it
    ├── Busy                  503  this server does as much of that as it can; it was not begun
    ├── FilesAway             503  where files are kept cannot be reached, or takes nothing
    ├── AddressRefused        400  an address that somebody named, to which this server does not go
    ├── FarEndFailed          502  one to which it went in vain: not there, too slow, too much
    │   ├── AnswerTooLarge         more than is read
    │   ├── NameMissing            there is no such name
    │   └── NameUnknown            its name could not be looked up in time, which may be nobody's fault there
    └── UpstreamError         502  the model server
        ├── Unreachable            no connection, DNS, TLS, reset before the first byte
        ├── Slow                   a deadline passed
        ├── RateLimited            429, with retry_after in seconds when it said so
        ├── QuotaExceeded          429/402 insufficient_quota
        ├── KeyRefused             401/403
        ├── ModelNotFound          404 model_not_found
        ├── ContextTooLong         400 context_length_exceeded
        ├── Filtered               400 content_filter and its kin
        ├── ModelCannotSee         images to a model without eyes
        ├── UpstreamRejected       any other 4xx; param names the field
        │   └── ImageRefused           an image that it cannot read
        ├── UpstreamBroken         5xx
        ├── ResponseGone           404 for a reply that it was to keep
        └── MalformedStream        bytes that are not the protocol

Each has `status` (HTTP), `type` and `code` (wire), a `message` in plain words that says what happened,
and `next`: what to do about it.
"""

from typing import ClassVar


class ParleyError(Exception):
    """Base of all. `message` says what happened, `next` what to do; both are shown to people."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str] = "server_error"
    message: str = "Something went wrong on this server."
    next: str = "Try again; if it stays, tell whoever runs it."

    def __init__(self, message: str = "", *, next: str = "", param: str | None = None) -> None:
        self.message = message or type(self).message
        self.next = next or type(self).next
        self.param = param
        super().__init__(self.message)


class InvalidInput(ParleyError):
    status, type, code = 400, "invalid_request_error", "invalid_input"
    message = "That could not be used as it was sent."
    next = "Check it and send it again."


class NotFound(ParleyError):
    status, type, code = 404, "not_found_error", "not_found"
    message = "There is nothing here."
    next = "Check the address, or go back to your conversations."


class Refused(ParleyError):
    status, type, code = 403, "permission_error", "refused"
    message = "You may not do that."
    next = "Ask the owner of this server."


class Conflict(ParleyError):
    status, type, code = 409, "conflict_error", "conflict"
    message = "That is not possible right now."
    next = "Reload the page and try again."


class TooLarge(ParleyError):
    status, type, code = 413, "invalid_request_error", "too_large"
    message = "That is too large."
    next = "Send less at once."


class TooOften(ParleyError):
    status, type, code = 429, "invalid_request_error", "too_often"
    message = "That was often."
    next = "Wait a minute, then try again."


class Misconfigured(ParleyError):
    code = "misconfigured"
    message = "A setting of this server is wrong."
    next = "Correct the setting and start again."


class Busy(ParleyError):
    status, code = 503, "busy"
    message = "This server has too much to do just now."
    next = "Try again in a moment."


class FilesAway(ParleyError):
    status, code = 503, "files_away"
    message = "Files cannot be reached just now."
    next = "Try again in a moment; if it stays, tell whoever runs this server."


class AddressRefused(ParleyError):
    status, type, code = 400, "invalid_request_error", "address_refused"
    message = "This server does not go to that address."
    next = "It goes to public addresses by https; whoever runs it can allow others with EGRESS_ALLOW."


class FarEndFailed(ParleyError):
    status, code = 502, "far_end_failed"
    message = "That address cannot be reached."
    next = "Check that it is right, and try again in a moment."


class AnswerTooLarge(FarEndFailed):
    message = "The answer from there is too large."
    next = "Save it, make it smaller, and attach it."


class NameMissing(FarEndFailed):
    message = "That name cannot be found."


class NameUnknown(FarEndFailed):
    message = "That name cannot be found now."


class UpstreamError(ParleyError):
    """The model server failed us. `retry_after` is in seconds, None when it did not say."""

    status, code = 502, "upstream_error"
    message = "The model server failed."
    next = "Try again in a moment."
    retry_after: float | None = None


class Unreachable(UpstreamError):
    code = "upstream_unreachable"
    message = "The model server cannot be reached."
    next = "Try again in a moment; if it stays, check that it runs and that its address is right."


class Slow(UpstreamError):
    code = "upstream_timeout"
    message = "The model server did not answer in time."
    next = "Try again; a shorter question or a smaller model answers sooner."


class RateLimited(UpstreamError):
    code = "rate_limit_exceeded"
    message = "The model server is getting too many requests."
    next = "Wait a moment, then try again."


class QuotaExceeded(UpstreamError):
    code = "insufficient_quota"
    message = "The account at the model server has used up its quota."
    next = "Ask whoever runs this server to check the plan and billing there."


class KeyRefused(UpstreamError):
    code = "invalid_api_key"
    message = "The model server refused the key."
    next = "Ask whoever runs this server to check OPENAI_API_KEY."


class ModelNotFound(UpstreamError):
    code = "model_not_found"
    message = "The model server does not know this model."
    next = "Choose another model below."


class ContextTooLong(UpstreamError):
    code = "context_length_exceeded"
    message = "This conversation is longer than the model can read."
    next = "Start a new conversation, or choose a model with a larger context."


class Filtered(UpstreamError):
    code = "content_filter"
    message = "The model server's content filter stopped this."
    next = "Say it differently, or choose another model."


class ModelCannotSee(UpstreamError):
    code = "model_cannot_see"
    message = "This model cannot see images."
    next = "Remove the image, or choose a model that can."


class UpstreamRejected(UpstreamError):
    code = "upstream_rejected"
    message = "The model server did not accept the request."
    next = "Try another model, or change the message."


class ImageRefused(UpstreamRejected):
    code = "image_refused"
    message = "The model server cannot read an image that was sent."
    next = "Send it as a JPEG or PNG of fewer pixels, or choose another model."


class UpstreamBroken(UpstreamError):
    code = "upstream_broken"
    message = "The model server had an error of its own."
    next = "Try again in a moment."


class ResponseGone(UpstreamError):
    code = "upstream_response_gone"
    message = "The model server does not have this reply any more."
    next = "Continue it, or regenerate it."


class MalformedStream(UpstreamError):
    code = "upstream_malformed"
    message = "The model server sent something that cannot be read."
    next = "Try again; if it stays, this server may not speak the Responses API."
