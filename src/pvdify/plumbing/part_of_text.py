"""Decoding of text that arrives in pieces."""

import codecs
from collections.abc import Iterable
from datetime import datetime

Piece = tuple[datetime, bytes]


def decode_part(data: bytes) -> tuple[str, bytes]:
    """Return the text of the beginning of a line, and the bytes at its end that are only understood with the next ones.

    Those are the beginning of a character, or a carriage return, which may belong to the line end.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, held = decoder.decode(data), decoder.getstate()[0]
    if not held and text.endswith("\r"):
        return text[:-1], b"\r"
    return text, held


def decode_pieces(pieces: Iterable[Piece], began: datetime) -> tuple[list[tuple[datetime, str]], bytes]:
    """Return the text of these pieces, with times, and the bytes that are held as in ``decode_part``.

    A follower that ``began`` at this moment gets what was written before in its pieces, because it skips those that it
    has, and the rest as one.
    """
    groups: list[Piece] = []
    for at, data in pieces:
        if groups and (groups[-1][0] > began or groups[-1][0] == at):
            groups[-1] = at, groups[-1][1] + data
        else:
            groups.append((at, data))
    texts, held = [], b""
    for at, data in groups:
        text, held = decode_part(held + data)
        if text:
            texts.append((at, text))
    return texts, held
