"""A Responses request as a Chat Completions request."""

import json
from typing import Final

from pydantic import JsonValue

from chat.protocol.types import Json, Request

LOOKS: Final = {"original": "high"}  # as closely as these servers know
SAME: Final = ("model", "temperature", "top_p", "parallel_tool_calls", "service_tier")


def translate(request: Request, *, thoughts_in: str = "reasoning_content") -> Json:
    """The body to post. `thoughts_in` is the field in which this server sends, and takes back, thoughts.

    Items that Chat Completions has no word for (hosted tools, unknown ones) are left out.
    """
    body: Json = {name: value for name in SAME if (value := getattr(request, name)) is not None}
    messages: list[JsonValue] = [*_messages(request, thoughts_in=thoughts_in)]
    body["messages"] = messages
    body["stream"] = True
    body["stream_options"] = {"include_usage": True}
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.reasoning and isinstance(effort := request.reasoning.get("effort"), str):
        body["reasoning_effort"] = effort
    if wanted := _response_format(request.text):
        body["response_format"] = wanted
    tools: list[JsonValue] = [_tool(tool) for tool in request.tools or [] if tool.get("type") == "function"]
    if tools:
        body["tools"] = tools
        body.update(_tool_choice(request.tool_choice))
    else:
        body.pop("parallel_tool_calls", None)
    return body


def _messages(request: Request, *, thoughts_in: str) -> list[Json]:
    found: list[Json] = [{"role": "system", "content": request.instructions}] if request.instructions else []
    thoughts = ""
    for item in request.input:
        kind = item.get("type", "message")
        if kind == "reasoning":
            thoughts = _thoughts(item)
        elif kind == "function_call":
            _add_call(found, item, {thoughts_in: thoughts} if thoughts else {})
            thoughts = ""
        elif kind == "function_call_output":
            found.append({"role": "tool", "tool_call_id": item.get("call_id", ""), "content": _output(item.get("output"))})
        elif kind == "message" and (message := _message(item)):
            found.append(message)
            thoughts = thoughts if message["role"] == "assistant" else ""
    return found


def _add_call(found: list[Json], item: Json, thoughts: Json) -> None:
    """Calls of one turn, and the text before them, are one message; their thoughts must go back with them (DeepSeek)."""
    function: Json = {"name": item.get("name", ""), "arguments": _arguments(item.get("arguments"))}
    call: Json = {"id": item.get("call_id", ""), "type": "function", "function": function}
    if not found or found[-1]["role"] != "assistant":
        found.append({"role": "assistant", "content": None})
    calls = found[-1].setdefault("tool_calls", [])
    assert isinstance(calls, list)
    calls.append(call)
    found[-1].update(thoughts)


def _arguments(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.strip() or "{}"


def _message(item: Json) -> Json | None:
    role, content = item.get("role", "user"), item.get("content")
    role = "system" if role == "developer" else role
    if isinstance(content, str):
        return {"role": role, "content": content} if content or role == "user" else None
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if role == "user" and any(part.get("type") in ("input_image", "input_file") for part in parts):
        return {"role": role, "content": [found for part in parts if (found := _user_part(part))]}
    text = "\n\n".join(filter(None, (_plain([part]) for part in parts))) if role == "user" else _plain(parts)
    return {"role": role, "content": text} if text or role == "user" else None


def _plain(parts: list[Json]) -> str:
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _user_part(part: Json) -> Json | None:
    match part.get("type"):
        case "input_image" if part.get("image_url"):
            detail: Json = {"detail": LOOKS.get(str(part["detail"]), part["detail"])} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
        case "input_file" if part.get("file_data") or part.get("file_id"):
            file: Json = {name: part[name] for name in ("filename", "file_data", "file_id") if part.get(name)}
            return {"type": "file", "file": file}
        case _:
            return {"type": "text", "text": part["text"]} if part.get("text") else None


def _thoughts(item: Json) -> str:
    content = item.get("content")
    return _plain([part for part in content if isinstance(part, dict)]) if isinstance(content, list) else ""


def _output(output: JsonValue) -> str:
    """Tools answer in text here: other parts are named, not sent."""
    if isinstance(output, str):
        return output
    parts = [part for part in output if isinstance(part, dict)] if isinstance(output, list) else []
    return "\n".join(str(part.get("text") or f"[{part.get('type', 'part')} left out]") for part in parts)


def _response_format(text: Json | None) -> Json | None:
    wanted = (text or {}).get("format")
    if not isinstance(wanted, dict) or wanted.get("type") not in ("json_schema", "json_object"):
        return None
    if wanted["type"] == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {name: value for name, value in wanted.items() if name != "type" and value is not None},
    }


def _tool(tool: Json) -> Json:
    names = ("name", "description", "parameters", "strict")
    function: Json = {name: tool[name] for name in names if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _tool_choice(choice: JsonValue | None) -> Json:
    if isinstance(choice, str):
        return {"tool_choice": choice}
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"tool_choice": {"type": "function", "function": {"name": choice.get("name", "")}}}
    return {}
