"""Finding words in any script without a dictionary: the tokens of a text, and the tsquery of what somebody typed. Pure.

Chinese is cut into single characters and pairs, other scripts into words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from app.catalogue.values import (
    QUERY_LENGTH_MAX,
    QUERY_TOKENS_MAX,
    SEARCH_TOKENS_MAX,
    SPLIT_LENGTH_MAX,
    WORD_LENGTH_MAX,
)

# Han with its extensions, and kana: written without spaces.
_UNSPACED: Final = re.compile("[々-〇぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U000323af]+")


def search_tokens(texts: Iterable[str]) -> list[str]:
    """The distinct tokens of these texts, the first texts first, at most SEARCH_TOKENS_MAX."""
    found: dict[str, None] = {}
    for text in texts:
        for word, unspaced in _words(text):
            found.update(dict.fromkeys([*word, *_pairs(word)] if unspaced else [word]))
        if len(found) >= SEARCH_TOKENS_MAX:
            break
    return list(found)[:SEARCH_TOKENS_MAX]


def search_query(typed: str) -> str | None:
    """A tsquery that asks for everything that was typed, in any order; None when there is no word in it.

    A run of Chinese is found as it stands, or cut into words of two and three characters that stand apart.
    Other words are found by their beginning.
    """
    asked = dict.fromkeys(
        _run_query(word) if unspaced else f"'{word}':*" for word, unspaced in _words(typed[:QUERY_LENGTH_MAX])
    )
    return " & ".join(list(asked)[:QUERY_TOKENS_MAX]) or None


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of letters, marks and digits in one kind of script, folded; and whether they are written without spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(mark if unicodedata.category(mark)[0] in "LMN" else " " for mark in folded)
    for part in kept.split():
        at = 0
        for run in _UNSPACED.finditer(part):
            if run.start() > at:
                yield part[at : run.start()][:WORD_LENGTH_MAX], False
            yield run[0], True
            at = run.end()
        if at < len(part):
            yield part[at:][:WORD_LENGTH_MAX], False


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def _run_query(run: str) -> str:
    if len(run) == 1:
        return f"'{run}'"
    if len(run) > SPLIT_LENGTH_MAX:
        return _all_of(_pairs(run)[:QUERY_TOKENS_MAX])
    readings = [_all_of([pair for word in reading for pair in _pairs(word)]) for reading in _readings(run)]
    return readings[0] if len(readings) == 1 else "(" + " | ".join(readings) + ")"


def _all_of(tokens: Iterable[str]) -> str:
    return " & ".join(f"'{token}'" for token in dict.fromkeys(tokens))


@cache
def _cuts(length: int) -> tuple[tuple[int, ...], ...]:
    """Every way to cut a length into twos and threes."""
    if length == 0:
        return ((),)
    return tuple((size, *rest) for size in (2, 3) if size <= length for rest in _cuts(length - size))


def _readings(run: str) -> Iterator[list[str]]:
    for cut in _cuts(len(run)):
        ends = [sum(cut[: i + 1]) for i in range(len(cut))]
        yield [run[end - size : end] for size, end in zip(cut, ends, strict=True)]
