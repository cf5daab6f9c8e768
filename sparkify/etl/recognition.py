"""Recognizes files that are not JSON Lines by their rejected lines: what they are, and what to do with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from sparkify.etl.declarations import Source
from sparkify.etl.results import OtherFormat, Reject

__all__ = ["recognize"]

_JQ = "Write one object on each line, as this does: jq -c . FILE > NEW"
_DECOMPRESS = "Decompress it, or compress it by gzip."
_EXPORT = "Export it as JSON, one object on each line."
_MAGIC = (
    # Bytes of a line that are not text are written as by escape().
    (r"PK\x03\x04", "a zip archive", "Unpack it."),
    ("BZh", "compressed by bzip2", _DECOMPRESS),
    (r"\xfd7zXZ", "compressed by xz", _DECOMPRESS),
    (r"(\xb5/\xfd", "compressed by zstd", _DECOMPRESS),
    (r"\x1f\x8b", "compressed by gzip twice", "Decompress it once."),
    ("PAR1", "Parquet", _EXPORT),
    (r"Obj\x01", "Avro", _EXPORT),
    (r"\xff\xfe\x00\x00", "UTF-32", "Convert it: iconv -f UTF-32 -t UTF-8 FILE > NEW"),
    (r"\xff\xfe", "UTF-16", "Convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (r"\xfe\xff", "UTF-16", "Convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"),
    (r"{\x00", "UTF-16", "Convert it: iconv -f UTF-16LE -t UTF-8 FILE > NEW"),
    (r"\x00{", "UTF-16", "Convert it: iconv -f UTF-16BE -t UTF-8 FILE > NEW"),
    (r"\x1e{", "a JSON text sequence", "Remove its record separators: tr -d '\\036' < FILE > NEW"),
    ("version https://git-lfs", "a pointer of Git LFS", "Fetch the file itself: git lfs pull"),
    ("<", "HTML or XML", "It may be an error message that was saved in place of the data: fetch it again."),
    ("[", "an array of JSON", "Write one object on each line, as this does: jq -c '.[]' FILE > NEW"),
    ("{'", "written by Python's repr()", "Write it by json.dumps()."),
)
"""How the first line of a file begins, what the file is, and what to do about it."""
_CONFLICT = "<<<<<<< "
_NOT_UTF8 = "not UTF-8"
_NOT_JSON = "not valid JSON"
_CSV = re.compile(r"[^{}\[\],;\t]*([,;\t][^{}\[\],;\t]*)+")
_UNFINISHED = re.compile(r"\{\s*|\{.*,\s*")


def recognize(rejects: Sequence[Reject], sources: Sequence[Source]) -> list[OtherFormat]:
    """The formats recognized among the files of the rejected lines, each format once with its files.

    :param sources: the sources of the pipeline, whose files may be in each other's folders.
    """
    first: dict[str, list[Reject]] = {}
    for reject in rejects:
        some = first.setdefault(reject.uri, [])
        if len(some) < 2:
            some.append(reject)
    found: dict[OtherFormat, list[str]] = {}
    for uri, some in first.items():
        if one := next(_formats(some, sources), None):
            found.setdefault(one, []).append(uri)
    return [OtherFormat(one.name, one.remedy, one.whole, tuple(uris)) for one, uris in found.items()]


def _formats(rejects: Sequence[Reject], sources: Sequence[Source]) -> Iterator[OtherFormat]:
    """What a file may be, the likeliest first, judging by its first rejected lines."""
    reject = rejects[0]
    text = reject.text.lstrip(" \t")
    is_text = not reject.reason.startswith(_NOT_UTF8)
    is_json = is_text and not reject.reason.startswith(_NOT_JSON)
    if text.startswith(_CONFLICT) and not is_json:
        yield OtherFormat("in a merge conflict", "Resolve it.", whole=False)
    if text.startswith("{") and not is_text:
        yield OtherFormat(
            "not all UTF-8", "From Latin-1, convert it: iconv -f ISO-8859-1 -t UTF-8 FILE > NEW", whole=False
        )
    if text.startswith("{") and is_text and not is_json and _has_several_objects(text):
        yield OtherFormat("JSON with several objects on a line", _JQ, whole=False)
    if reject.line > 1:
        # The lines before it were valid, and so is the file, by and large.
        return
    if not is_json or text.startswith("["):
        yield from (
            OtherFormat(name, remedy) for beginning, name, remedy in _MAGIC if text.startswith(beginning)
        )
        if _CSV.fullmatch(text):
            yield OtherFormat("CSV, by its first line", _EXPORT)
        if len(rejects) > 1 and rejects[1].line == 2 and _UNFINISHED.fullmatch(text):
            yield OtherFormat("JSON over several lines", _JQ)
    elif reject.reason.endswith("is missing") and (other := _other_source(reject, text, sources)):
        yield OtherFormat(
            f"of {other}, by its keys, not of {reject.source}", "Are the folders of the sources swapped?"
        )


def _has_several_objects(text: str) -> bool:
    """Whether a text has two complete objects: jq can do nothing with one that is cut off after another."""
    decoder = json.JSONDecoder()
    try:
        _, end = decoder.raw_decode(text)
        # A lone carriage return ends a line elsewhere, but not here.
        rest = text[end:].lstrip(" \t").removeprefix(r"\x0d").lstrip(" \t,")
        decoder.raw_decode(rest)
    except ValueError:
        return False
    return rest.startswith("{")


def _other_source(reject: Reject, text: str, sources: Sequence[Source]) -> str | None:
    """Another source whose required keys are all in a line; None if there is none."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return None
    for source in sources:
        required = {field.key for field in source.fields.values() if field.required}
        if source.name != reject.source and required and required <= value.keys():
            return source.name
    return None
