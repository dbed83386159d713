"""What is asked about, in the order in which it is shown, with the words for it."""

from typing import Final

CAPABILITIES: Final = {
    "models": "Names its models",
    "responses": "Speaks the Responses API",
    "chat": "Speaks Chat Completions",
    "stream": "Streams replies",
    "sequence": "Numbers its events without a gap",
    "usage": "Says what a reply used",
    "unstored": "Takes store: false",
    "forgets": "Keeps nothing that it is told not to keep",
    "instructions": "Follows instructions",
    "max_output_tokens": "Keeps to max_output_tokens",
    "tools": "Calls functions",
    "tool_choice": "Calls the function it is told to",
    "strict": "Keeps to a strict schema",
    "image": "Sees images",
    "input_file": "Takes files as they are",
    "reasoning": "Gives encrypted reasoning",
    "reasoning_replay": "Takes its reasoning back",
    "store": "Keeps replies",
    "get": "Gives a kept reply back",
    "input_items": "Says what a kept reply was asked",
    "chain": "Goes on from a kept reply",
    "delete": "Deletes a kept reply",
    "background": "Goes on in the background",
    "reattach": "Is taken up where it was",
    "cancel": "Stops in the background",
    "files": "Keeps files, and takes them by name",
    "conversations": "Keeps conversations",
    "errors": "Refuses a model that is not there",
}
"""The name under which it is kept → words."""
