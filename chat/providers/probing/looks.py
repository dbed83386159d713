"""What is asked of a server that makes replies, a look at a time. Each gives its rows, or raises what the server answered."""

from typing import Final

from chat.errors import UpstreamError
from chat.protocol.failures import answer_of
from chat.protocol.types import Json
from chat.providers.background import GONE, path_of
from chat.providers.catalogue import model_names
from chat.providers.probing.paper import PAPER, WORD
from chat.providers.probing.visit import LONG, RESPONSES, Heard, Made, Row, Visit, object_in, sentence

Rows = dict[str, Row]
FEW: Final = 16  # tokens, the fewest that OpenAI takes for a limit
NOBODY: Final = "parley-probe-no-such-model"
RED: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAJ0lEQVR42u3NsQkAAAjAsP7/tF7hIASyp6lTCQQCgUAgEAgEgi/BAjLD/C5w/SM9AAAAAElFTkSuQmCC"
)
"""32 by 32 pixels, all red."""
WEATHER: Final[Json] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "millions": {"type": "integer"}},
    "required": ["city", "millions"],
    "additionalProperties": False,
}


async def models(visit: Visit) -> Rows:
    names = model_names(await visit.client.get("/models"))
    visit.model = visit.model or next(iter(names), "")
    return {"models": Row(bool(names), f"It names {len(names)}." if names else "It names none.")}


async def reply(visit: Visit) -> Rows:
    """The first one: whether and how it comes."""
    heard = await visit.ask("Answer with one word: hello.")
    if not (heard.response or heard.text):
        return {"responses": Row(False, "It answered with something else than a response.")}
    kept = "store" in visit.spared
    return {
        "responses": Row(True, "A reply came."),
        "stream": Row(not heard.whole, "It came all at once." if heard.whole else "It came event by event."),
        "sequence": _numbered(heard.numbers),
        "usage": _usage(heard),
        "unstored": Row(False, visit.spared["store"]) if kept else Row(True, "It was accepted."),
        "forgets": await _forgets(visit, heard),
    }


async def _forgets(visit: Visit, heard: Heard) -> Row:
    """Whether that reply, which was not to be kept, is there all the same: then all that follow are."""
    try:
        found = await visit.client.get(path_of(heard.id))
    except UpstreamError as error:
        answer = answer_of(error)
        gone = answer is not None and answer.status in GONE
        return Row(True, "It was not there afterwards.") if gone else Row(None, sentence(error))
    if found.get("id") != heard.id:
        return Row(None, "Asked for the reply, it gives something else.")
    visit.keeps_all = True
    await visit.keep(Made(RESPONSES, heard.id))
    return Row(False, "It was there afterwards all the same. Parley deletes each there once it has ended.")


def _numbered(numbers: list[object]) -> Row:
    if not numbers or all(number is None for number in numbers):
        return Row(False, "Its events have no numbers.")
    if numbers == list(range(len(numbers))):
        return Row(True, "Its events are numbered from 0.")
    return Row(False, f"The numbers of its events begin with {_short(numbers)}.")


def _short(numbers: list[object]) -> str:
    return ", ".join("none" if number is None else str(number)[:20] for number in numbers[:6])


def _usage(heard: Heard) -> Row:
    known = _tokens(heard) is not None
    return Row(known, "It comes with the end." if known else "The end of a reply does not say it.")


def _tokens(heard: Heard) -> int | None:
    usage = heard.response.get("usage")
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) else None


async def instructions(visit: Visit) -> Rows:
    told = "Whatever you are asked, answer with the single word BANANA."
    heard = await visit.ask("What is the capital of France?", most=LONG, instructions=told)
    return {"instructions": _said(heard, "banana", yes="It did what it was told.", no="Told to answer BANANA, it answered")}


def _said(heard: Heard, word: str, *, yes: str, no: str) -> Row:
    if word in heard.text.lower():
        return Row(True, yes)
    if heard.cut:
        return Row(None, f"It had not answered after {LONG} tokens.")
    return Row(False, f"{no}: “{' '.join(heard.text.split())[:80]}”")


async def limit(visit: Visit) -> Rows:
    name = "max_output_tokens"
    if name in visit.spared:
        return {name: Row(False, visit.spared[name])}
    heard = await visit.ask("Count from 1 to 300, in words.", most=FEW)
    if heard.cut:
        return {name: Row(True, "It stopped there, and said so.")}
    if 0 < (_tokens(heard) or 0) <= FEW:
        return {name: Row(True, "It stopped there, without saying so.")}
    return {name: Row(False, "It went on.")}


async def tools(visit: Visit) -> Rows:
    heard = await visit.ask("What is the weather in Paris? Use the function.", most=LONG, tools=[WEATHER])
    return {"tools": _called(heard)}


async def tool_choice(visit: Visit) -> Rows:
    choice = {"type": "function", "name": "get_weather"}
    heard = await visit.ask("Say hello to Paris.", most=LONG, tools=[WEATHER], tool_choice=choice)
    return {"tool_choice": _called(heard)}


def _called(heard: Heard) -> Row:
    if any(isinstance(arguments.get("city"), str) for arguments in heard.calls("get_weather")):
        return Row(True, "It called the function, with arguments that fit.")
    if any(item.get("type") == "function_call" for item in heard.output):
        return Row(False, "It called a function with arguments that do not fit.")
    return Row(None if heard.cut else False, "It answered without calling the function.")


async def strict(visit: Visit) -> Rows:
    form = {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}}
    heard = await visit.ask("Paris has about two million inhabitants.", most=LONG, text=form)
    found = object_in(heard.text)
    if found is None:
        return {"strict": Row(None if heard.cut else False, "What it answered is no JSON object.")}
    fits = found.keys() == {"city", "millions"} and isinstance(found["city"], str) and type(found["millions"]) is int
    return {"strict": Row(fits, "What it answered fits." if fits else "What it answered does not fit the schema.")}


async def image(visit: Visit) -> Rows:
    content = [
        {"type": "input_text", "text": "Which colour is this picture? Answer with one word."},
        {"type": "input_image", "image_url": RED, "detail": "low"},
    ]
    heard = await visit.ask(most=LONG, input=[{"role": "user", "content": content}])
    saw = _said(heard, "red", yes="It saw that a red picture is red.", no="Shown a red picture, it answered")
    visit.sees = saw.can is True
    return {"image": saw}


async def input_file(visit: Visit) -> Rows:
    content = [
        {"type": "input_text", "text": "Which word is written in this file? Answer with that word alone."},
        {"type": "input_file", "filename": "word.pdf", "file_data": PAPER},
    ]
    heard = await visit.ask(most=LONG, input=[{"role": "user", "content": content}])
    read = _said(heard, WORD.lower(), yes="It read the word in a PDF.", no="Asked for the word in a PDF, it answered")
    visit.reads = read.can is True
    return {"input_file": read}


THINK: Final = "How many prime numbers lie between 10 and 30? Answer with the number."
ENCRYPTED: Final = ["reasoning.encrypted_content"]


async def reasoning(visit: Visit) -> Rows:
    heard = await visit.ask(THINK, most=LONG, include=ENCRYPTED)
    thoughts = [item for item in heard.output if item.get("type") == "reasoning"]
    if any(isinstance(item.get("encrypted_content"), str) and item["encrypted_content"] for item in thoughts):
        visit.thought = heard
        return {"reasoning": Row(True, "It comes with the reply.")}
    if thoughts:
        return {"reasoning": Row(False, "Its reasoning comes without what is needed to send it back.")}
    return {"reasoning": Row(None, "The request was accepted; this model showed no reasoning.")}


async def reasoning_replay(visit: Visit) -> Rows:
    if visit.thought.cut:
        return {"reasoning_replay": Row(None, "It had only thought when its tokens were used up.")}
    talk = [
        {"role": "user", "content": THINK},
        *visit.thought.output,
        {"role": "user", "content": "Add one. Answer with the number."},
    ]
    await visit.ask(most=LONG, input=talk, include=ENCRYPTED)
    return {"reasoning_replay": Row(True, "It was accepted, with what followed it.")}


async def errors(visit: Visit) -> Rows:
    try:
        await visit.ask("Hello.", model=NOBODY)
    except UpstreamError as error:
        answer = answer_of(error)
        if answer is None or not 400 <= answer.status < 500 or answer.status in (401, 429):
            raise
        clear = bool(answer.message)
        return {"errors": Row(clear, f"It says: “{answer.message}”" if clear else "It refuses, and does not say why.")}
    return {"errors": Row(False, "It answers, whatever model is asked for.")}
