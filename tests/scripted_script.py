"""What a request asks the scripted model server to do; the words are listed at the top of tests/scripted.py."""

import random
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

TEXT = "the quick model answers with calm and ordinary words about rivers foxes numbers light bread and the weather of today"
WORDS = TEXT.split()
DIRECTIVE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
TITLE = "Write a title"  # how a request for one begins


@dataclass
class Script:
    """What one request is to do."""

    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Any) -> "Script":
        if not isinstance(body, dict):
            return cls()
        text = last_user_text(body.get("input", body.get("messages", [])))
        found = DIRECTIVE.search(text)
        spec = found[1] if found else str(body.get("model", "")).partition(":")[2].replace(",", " ")
        pairs = (part.partition("=") for part in split(spec))
        options = {key: value for key, _, value in pairs if key}
        return cls({"say": title(text, said=options.get("say", ""))} if instructions(body).startswith(TITLE) else options)

    def get(self, key: str, default: str = "") -> str:
        return self.options.get(key, default)

    def after(self, key: str) -> int | None:
        """The number of words after which something happens; `reset=5` and `reset=after:5` are the same."""
        value = self.get(key).removeprefix("after:")
        return int(value) if value.isdigit() else None

    def words(self) -> list[str]:
        if "say" in self.options:
            return re.findall(r"\s*\S+\s*$|\s*\S+", self.options["say"]) or [self.options["say"]]
        return self.random_words(int(self.get("tokens", "20")))

    def thoughts(self) -> list[str]:
        count = self.get("reasoning")
        return self.random_words(int(count)) if count.isdigit() else ([count] if count else [])

    def random_words(self, count: int) -> list[str]:
        chance, wide = random.Random(self.get("seed", "1")), int(self.get("wide", "1"))
        return [("" if index == 0 else " ") + chance.choice(WORDS) * wide for index in range(count)]


def split(spec: str) -> list[str]:
    try:
        lexer = shlex.shlex(spec.replace("“", '"').replace("”", '"'), posix=True, punctuation_chars=False)
        lexer.whitespace_split, lexer.commenters = True, ""
        lexer.quotes = "\"'" if "{" not in spec else "'"
        return list(lexer)
    except ValueError:
        return spec.split()


def title(text: str, *, said: str) -> str:
    """What a talk is called whose first words `text` quotes: by what was to be said, else by what stands around the brackets."""
    asked = DIRECTIVE.sub(" ", text.removeprefix("User: ").partition("\n\nReply:")[0])
    return " ".join((said or asked).split()[:6]) or "Ordinary words"


def instructions(body: dict[str, Any]) -> str:
    """Those of the request, in either dialect."""
    for message in body.get("messages") or ():
        if isinstance(message, dict) and message.get("role") in ("system", "developer"):
            return str(message.get("content") or "")
    return str(body.get("instructions") or "")


def last_user_text(items: Any) -> str:
    if isinstance(items, str):
        return items
    for item in reversed(items if isinstance(items, list) else []):
        if isinstance(item, dict) and item.get("role") == "user":
            content = item.get("content", "")
            if isinstance(content, str):
                return content
            return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""
