"""The policy's prose: a small part of Markdown read into blocks, which a page and the PDF show each in its own way.

Paragraphs, lists (`- `), headings (`### `); within them **strong**, `code` and [links](address). Nothing else, no HTML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_SPAN = re.compile(r"\*\*(?P<strong>[^*]+)\*\*|`(?P<code>[^`]+)`|\[(?P<link>[^\]]+)\]\((?P<url>[^)\s]+)\)")


@dataclass(frozen=True)
class Span:
    kind: Literal["text", "strong", "code", "link"]
    text: str
    url: str = ""


@dataclass(frozen=True)
class Block:
    """`p` and `h` have one entry in `lines`, a list (`ul`) one for each of its items."""

    kind: Literal["p", "h", "ul"]
    lines: tuple[tuple[Span, ...], ...]


def read(text: str, words: Mapping[str, str]) -> tuple[Block, ...]:
    """The blocks of a text, `{names}` in it filled from `words`. Raises KeyError for a name that is not in them."""
    return blocks(text.format_map(words))


def blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a text as it stands."""
    return tuple(_block(part) for part in re.split(r"\n\s*\n", text.strip()) if part)


def spans(text: str) -> tuple[Span, ...]:
    """The pieces of one line."""
    found: list[Span] = []
    end = 0
    for match in _SPAN.finditer(text):
        if match.start() > end:
            found.append(Span("text", text[end : match.start()]))
        found.append(_span(match))
        end = match.end()
    if end < len(text):
        found.append(Span("text", text[end:]))
    return tuple(found)


def _span(match: re.Match[str]) -> Span:
    if match["strong"]:
        return Span("strong", match["strong"])
    if match["code"]:
        return Span("code", match["code"])
    return Span("link", match["link"], match["url"])


def _block(text: str) -> Block:
    if text.startswith("### "):
        return Block("h", (spans(text[4:]),))
    if text.startswith("- "):
        return Block("ul", tuple(spans(_unwrapped(item)) for item in re.split(r"\n- ", text[2:])))
    return Block("p", (spans(_unwrapped(text)),))


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
