"""Verify an evidence pack of the Model Workbench with Python 3.9 or later and nothing else.

    python3 verify.py --key 'ada+5f0c81d2+AQ…' pack.zip

The key is the public line of whoever signed the checkpoint. Take it from that person, never from the pack.

Every byte of a pack is held by something: the checkpoint by its signature, the entries of the journal by the
checkpoint's root (RFC 6962), all other files by the last of these entries, and manifest and index page by
being made again here. Nothing is extracted, and nothing in the pack is run.

This is one file on purpose: whoever must trust it reads it from top to bottom, and one digest stands for it.
The workbench makes packs with the same functions, so that both sides cannot mean different things.

Exit: 0 it holds, 1 it does not, 2 no key was given, so that only its inner agreement was checked, 3 it could
not be looked at.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import html
import json
import math
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "model-workbench/pack/v2"
#: Says nothing on its page of people between the stages, and lacks the keys of those who spoke there alone.
FIRST_FORMAT = "model-workbench/pack/v1"

#: Written last of all, and the last entry under the checkpoint: says what is in the pack.
MADE = "pack.made"

MANIFEST = "manifest.json"
INDEX = "index.html"
SCRIPT = "verify.py"
CARD = "card.html"
CHECKPOINT = "journal/checkpoint"
ENTRIES = "journal/entries.jsonl"
PROOFS = "journal/proofs.json"
EARLIER = "journal/earlier/"
RECORD = "model/version.json"
VERDICT = "verdict.json"

#: Files that the last entry cannot name: they hold it, or follow from it.
AFTERWARDS = frozenset({MANIFEST, INDEX, CHECKPOINT, ENTRIES, PROOFS})

ATTESTATIONS = {
    "ml-bom": "model/bom.cdx.json",
    "in-toto": "model/statement.intoto.json",
    "signature": "model/model.sig",
}

#: Bytes of a pack, number of its files, bytes of one that is JSON. Nothing in it is compressed.
MOST_BYTES = 256 << 20
MOST_FILES = 10_000
MOST_JSON = 64 << 20
#: Files named beside a claim.
MOST_LINKS = 8
#: Nesting and digits of JSON. Canonical JSON writes 21 digits of a number at most before its point.
MOST_DEPTH = 80
MOST_DIGITS = 25


class DoesNotHold(Exception):
    """The first thing in a pack that is not as it says."""


# -----------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032, section 5.1), verification only. Strict: without cofactor, S below the order of the base
# point, points in their one spelling, and no key of small order, under which a signature says nothing.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

#: X, Y, Z, T with x = X/Z, y = Y/Z, x·y = T/Z.
Point = tuple[int, int, int, int]

_NEUTRAL: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decoded_point(data: bytes) -> Point | None:
    """Read a point; None for what is none, and for a second spelling of one."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def _encoded_point(p: Point) -> bytes:
    inverse = pow(p[2], -1, _P)
    x, y = p[0] * inverse % _P, p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _of_small_order(p: Point) -> bool:
    for _ in range(3):
        p = _add(p, p)
    return p[0] % _P == 0 and (p[1] - p[2]) % _P == 0


def _base_point() -> Point:
    point = _decoded_point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert point is not None  # noqa: S101 - a constant of the RFC
    return point


_BASE = _base_point()


def ed25519_verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether the key made the signature over the data. Never raises."""
    key = _decoded_point(public) if len(public) == 32 else None
    if key is None or len(signature) != 64 or _of_small_order(key):
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + data).digest(), "little") % _L
    minus: Point = (_P - key[0], key[1], key[2], _P - key[3])
    steps = (_NEUTRAL, _BASE, minus, _add(_BASE, minus))
    point = _NEUTRAL
    for bit in range(252, -1, -1):  # s·B - k·A, both at once
        point = _add(_add(point, point), steps[(s >> bit & 1) | (k >> bit & 1) << 1])
    return _encoded_point(point) == signature[:32]


# -----------------------------------------------------------------------------------------------------------
# JSON: read strictly, written canonically (RFC 8785).


def read_json(data: bytes, what: str) -> Any:
    """Read JSON, and refuse what two readers could read differently or what would exhaust one."""
    try:
        if len(data) > MOST_JSON or _too_deep(text := data.decode()):
            raise ValueError("it is too long, or nested too deep")  # noqa: TRY301 - told with the others
        return json.loads(
            text,
            object_pairs_hook=_each_key_once,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as error:
        raise DoesNotHold(f"{what} is not JSON as a pack has it ({error}).") from error


def _too_deep(text: str) -> bool:
    outside = "".join(re.sub(r"\\.", "", text, flags=re.DOTALL).split('"')[::2])  # of all strings
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", outside):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MOST_DEPTH:
            return True
    return False


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _integer(text: str) -> int | float:
    """Read digits; beyond 2^53 - 1 canonical JSON has written a float so."""
    if len(text) > MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return int(text) if abs(int(text)) < 2**53 else float(text)


def _real(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("a number is too great")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def canonical(value: Any) -> bytes:
    """Return a JSON value as RFC 8785 canonical JSON.

    Raises:
        ValueError: JSON has no such value.
    """
    return "".join(_pieces(value)).encode()


def _pieces(value: Any) -> Iterator[str]:
    if value is None or value is True or value is False:
        yield {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    elif isinstance(value, float):
        yield _ecmascript(value)
    elif isinstance(value, int):
        if abs(value) >= 2**53:
            raise ValueError("an integer is too great")
        yield str(value)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield "," if index else "["
            yield from _pieces(item)
        yield "]" if value else "[]"
    elif isinstance(value, dict):
        for index, key in enumerate(sorted(value, key=lambda key: key.encode("utf-16-be"))):
            yield f"{',' if index else '{'}{json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(value[key])
        yield "}" if value else "{}"
    else:
        raise ValueError(f"{type(value).__name__} is not JSON")


def _ecmascript(value: float) -> str:
    """Write a number as ECMAScript does: the shortest digits, like Python's, but laid out otherwise."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not JSON")
    if value == 0:
        return "0"
    sign, parts, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is finite
    digits = "".join(map(str, parts))
    point = len(digits) + exponent  # where the decimal point stands, counted from the first digit
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = f"{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1:+d}"
    return "-" * sign + text


def sha256(data: bytes) -> str:
    """Return a digest as the journal writes it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


# -----------------------------------------------------------------------------------------------------------
# The archive. A pack is the one sequence of bytes that ``archive`` gives for its files: stored, sorted, all
# times, rights and flags the same. What must equal that has no room for links, second names, hidden bytes and
# bombs.

_PATH = re.compile(r"(?=.{1,200}\Z)[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_NEW_YEAR_1980 = 0x21


def archive(files: dict[str, bytes]) -> bytes:
    """Return the files as a zip archive."""
    body, directory, at = [], [], 0
    for name in sorted(files):
        data, path = files[name], name.encode("ascii")
        about = struct.pack(
            "<5H3L2H", 20, 0, 0, 0, _NEW_YEAR_1980, zlib.crc32(data), len(data), len(data), len(path), 0
        )
        body += [_LOCAL + about + path, data]
        directory.append(
            _CENTRAL + struct.pack("<H", 20) + about + struct.pack("<3H2L", 0, 0, 0, 0, at) + path
        )
        at += 30 + len(path) + len(data)
    central = b"".join(directory)
    end = struct.pack("<4H2LH", 0, 0, len(directory), len(directory), len(central), at, 0)
    return b"".join([*body, central, _END, end])


def opened(raw: bytes) -> dict[str, bytes]:
    """Return the files of a pack, none of which is written anywhere."""
    if len(raw) > MOST_BYTES:
        raise DoesNotHold(f"The file has {len(raw):,} bytes, more than a pack may have.")
    files: dict[str, bytes] = {}
    at = 0
    while raw[at : at + 4] == _LOCAL and len(files) < MOST_FILES and len(raw) >= at + 30:
        size, length = struct.unpack("<22xLH2x", raw[at : at + 30])
        name = raw[at + 30 : at + 30 + length].decode("ascii", "replace")
        if not _PATH.fullmatch(name):
            raise DoesNotHold(f"The archive names a file {name[:80]!r}, which is no path in a pack.")
        files[name] = raw[at + 30 + length : at + 30 + length + size]
        at += 30 + length + size
    if not files or archive(files) != raw:
        raise DoesNotHold(
            "The archive is not, byte for byte, that of its files: it was packed anew, cut or changed, or "
            "holds something beside them. Ask for the file as it was made."
        )
    return files


# -----------------------------------------------------------------------------------------------------------
# The Merkle log (RFC 6962; the algorithms are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2).


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``path`` leads from a leaf hash to the root over ``size`` leaves."""
    node, place, last = leaf, index, size - 1
    if not 0 <= index < size:
        return False
    for sister in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = _node(sister, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, sister)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def grown(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether ``path`` shows that the log of ``second`` leaves begins with that of ``first``."""
    if not 1 <= first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    nodes = [*([first_root] if first & (first - 1) == 0 else []), *path]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not nodes:
        return False
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = _node(node, old), _node(node, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


class Entry(NamedTuple):
    """One entry of the journal."""

    seq: int
    stream: str
    position: int
    time: str
    actor: str
    kind: str
    payload: dict[str, Any]
    leaf: bytes
    """Its leaf hash."""

    @classmethod
    def read(cls, line: bytes) -> Entry:
        """Read the bytes that the leaf hash covers."""
        fields = read_json(line, "An entry of the journal")
        leaf = hashlib.sha256(b"\0" + line).digest()
        return cls(leaf=leaf, **{name: fields[name] for name in cls._fields if name != "leaf"})


# -----------------------------------------------------------------------------------------------------------
# Keys and signed notes (https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint).


class Key(NamedTuple):
    """A public key, written ``name+hash+base64``."""

    name: str
    hash: bytes
    public: bytes

    @classmethod
    def parse(cls, line: str) -> Key:
        """Read a line.

        Raises:
            ValueError: it is no Ed25519 key, or a character of it was lost.
        """
        name, _, rest = line.strip().partition("+")
        digest, _, encoded = rest.partition("+")
        material = _base64(encoded)
        if not name or len(material) != 33 or material[0] != 1:
            raise ValueError("it is no Ed25519 key of the form name+hash+base64")
        expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        if expected.hex() != digest:
            raise ValueError("its hash is not that of the key: a character was lost")
        return cls(name, expected, material[1:])

    @property
    def label(self) -> str:
        """Name and hash: what two people can compare by telephone."""
        return f"{self.name}+{self.hash.hex()}"


class Note(NamedTuple):
    """A signed checkpoint: size and root of the log at one moment."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """Name, hash of the key, and signature of each line."""

    @classmethod
    def parse(cls, data: bytes, what: str) -> Note:
        """Read a note."""
        try:
            text, _, signed = data.decode().rpartition("\n\n")
            origin, size, encoded = text.split("\n")[:3]
            lines = tuple(_signature_line(line) for line in signed[:-1].split("\n"))
            root = _base64(encoded)
        except ValueError as error:
            raise DoesNotHold(f"{what} is no checkpoint ({error}).") from error
        counted = re.fullmatch(r"[1-9][0-9]{0,15}", size, re.ASCII)
        if not signed.endswith("\n") or not counted or len(root) != 32:
            raise DoesNotHold(f"{what} is no checkpoint: it needs origin, size, root and a signature.")
        return cls(origin, int(size), root, f"{text}\n".encode(), lines)

    def signed_by(self, keys: Iterable[Key], what: str) -> list[Key]:
        """Return those of ``keys`` that signed it."""
        known = {(key.name, key.hash): key for key in keys}
        found = []
        for name, digest, signature in self.signatures:
            if key := known.get((name, digest)):
                if not ed25519_verifies(key.public, signature, self.text):
                    raise DoesNotHold(f"{what} is not the one that {key.label} signed.")
                found.append(key)
        return found

    @property
    def signers(self) -> list[str]:
        """Whom its signature lines name."""
        return [f"{name}+{digest.hex()}" for name, digest, _ in self.signatures]


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
    if match is None or len(signature := _base64(match[2])) != 68:
        raise ValueError("a signature line is none")
    return match[1], signature[:4], signature[4:]


def _base64(text: str) -> bytes:
    """Decode, and take one spelling only: the last character has bits that decoding would drop."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("it is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise ValueError("it is not base64 in its one spelling")
    return data


# -----------------------------------------------------------------------------------------------------------
# The pack, read.


class Pack:
    """The files of a pack, and what its entries say of them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self._json: dict[str, Any] = {}
        self._digests: dict[int, str] = {}
        self.checkpoint = Note.parse(self.file(CHECKPOINT), CHECKPOINT)
        self.entries = [Entry.read(line) for line in self.file(ENTRIES).split(b"\n")[:-1]]
        self.streams: dict[str, list[Entry]] = {}
        for entry in self.entries:
            self.streams.setdefault(entry.stream, []).append(entry)
        if not self.entries or (made := self.entries[-1]).kind != MADE:
            raise DoesNotHold(f"{ENTRIES} does not end with the entry that says what is in the pack.")
        self.made = made
        self.format: str = made.payload["format"]
        self.ref: str = made.payload["model"]
        self.name, _, number = self.ref.rpartition("/")
        self.version = _counted(number)
        self.registered = self._registered()
        self.record = self.registered.payload
        self.digest: str = self.record["digest"]
        self.author: str = self.record["author"]

    def file(self, path: str) -> bytes:
        """Return one file."""
        if path not in self.files:
            raise DoesNotHold(f"{path} is missing.")
        return self.files[path]

    def json(self, path: str) -> Any:
        """Return what one file holds."""
        if path not in self._json:
            self._json[path] = read_json(self.file(path), path)
        return self._json[path]

    def digest_of(self, evidence: dict[str, Any]) -> str:
        """Return the digest by which verdicts name a piece of evidence of this pack."""
        if id(evidence) not in self._digests:
            self._digests[id(evidence)] = sha256(canonical(evidence))
        return self._digests[id(evidence)]

    def stream(self, name: str) -> list[Entry]:
        """Return the entries of one stream, oldest first."""
        return self.streams.get(name, [])

    def of_kind(self, stream: str, *kinds: str) -> list[Entry]:
        """Return the entries of some kinds in one stream."""
        return [entry for entry in self.stream(stream) if entry.kind in kinds]

    @property
    def releases(self) -> list[str]:
        """Streams of releases, in the order they were opened."""
        found = [name for name in self.streams if name.startswith("release/")]
        return sorted(found, key=lambda name: self.streams[name][0].seq)

    @property
    def own_releases(self) -> list[str]:
        """Streams of the releases of this version."""
        return [name for name in self.releases if self.streams[name][0].payload["candidate"] == self.ref]

    def _registered(self) -> Entry:
        found = [
            e
            for e in self.of_kind(f"model/{self.name}", "model.registered")
            if e.payload["version"] == self.version
        ]
        if len(found) != 1:
            raise DoesNotHold(f"{self.ref} was registered {len(found)} times, not once.")
        return found[0]

    def reports(self, before: int | None = None) -> Iterator[tuple[Entry, str]]:
        """Yield the entry of each audit, and the file of its report."""
        for entry in self.of_kind(f"evidence/{self.ref}", "audit.finished"):
            if before is None or entry.seq < before:
                yield entry, evidence_path(entry.payload["report"])

    def evidence(self, before: int) -> list[dict[str, Any]]:
        """Return every piece of evidence that was there before an entry, oldest first."""
        found: list[dict[str, Any]] = []
        for _, path in self.reports(before):
            found += self.json(path)["evidence"]
        return found

    def policy(self, name: str, digest: str) -> Entry | None:
        """Return the entry that keeps the text of a policy."""
        found = self.of_kind(f"policy/{name}", "policy.used")
        return next((entry for entry in found if entry.payload["digest"] == digest), None)

    def policy_text(self, name: str, digest: str) -> dict[str, Any]:
        """Return the text of a policy."""
        if (used := self.policy(name, digest)) is None:
            raise DoesNotHold(f"The text of the policy {name} ({digest}) is not in the journal.")
        text: dict[str, Any] = used.payload["content"]
        if sha256(canonical(text)) != digest:
            raise DoesNotHold(f"Entry {used.seq} has another text of the policy {name} than its digest says.")
        return text

    def verdicts(self) -> list[Verdict]:
        """Return what gates said of these bytes and what releases were opened on, oldest first."""
        gates = [Verdict(e, e.payload) for e in self.of_kind(f"gate/{self.ref}", "gate.judged")]
        opened = [Verdict(e, e.payload["verdict"]) for e in map(self._opening, self.own_releases)]
        return sorted([*gates, *opened], key=lambda verdict: verdict.entry.seq)

    def _opening(self, stream: str) -> Entry:
        if (entry := self.streams[stream][0]).kind != "release.opened":
            raise DoesNotHold(f"{stream} does not begin with its opening.")
        return entry


class Verdict(NamedTuple):
    """What a gate said, and the entry it stands in."""

    entry: Entry
    said: dict[str, Any]


def evidence_path(digest: str) -> str:
    """Return where a report lies."""
    return f"evidence/{digest[len('sha256:') :]}.json"


def policy_path(digest: str) -> str:
    """Return where a policy's text lies."""
    return f"policy/{digest[len('sha256:') :]}.json"


def _counted(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text, re.ASCII):
        raise DoesNotHold(f"{text[:20]!r} is no number of a version or release.")
    return int(text)


def moment(text: str) -> datetime:
    """Read a time as the journal and its records write it."""
    zulu = text[:-1] + "+00:00" if text.endswith("Z") else text
    whole, _, rest = zulu.partition(".")
    zone = rest.lstrip("0123456789")
    digits = rest[: len(rest) - len(zone)]
    found = datetime.fromisoformat(whole + (f".{digits[:6]:0<6}" if digits else "") + zone)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


# -----------------------------------------------------------------------------------------------------------
# The gate, judged again: which evidence counts, what each rule of the policy says of it, the worst of that.

_RULE_KEYS = frozenset((
    "audit", "metric", "slice", "bound", "at_least", "at_most", "than", "without_champion", "outcome",
    "any", "all", "because",
))  # fmt: skip
_POLICY_KEYS = frozenset((
    "name", "description", "rules", "required_audits", "max_age_days", "max_open_findings", "approvals",
    "approval_days", "same_person_may_fill_roles",
))  # fmt: skip
_COMPARED = (
    "audit", "metric", "slice", "bound", "direction", "value", "limit", "estimate", "low", "high", "n",
    "outcome", "depth",
)  # fmt: skip
_WORST_FIRST = ("error", "fail", "inconclusive", "measured", "pass")
_BEST_FIRST = ("pass", "measured", "error", "inconclusive", "fail")

Row = dict[str, Any]
"""One rule, judged: the fields of ``_COMPARED``."""


def worst(outcomes: Sequence[str]) -> str:
    """Combine outcomes that must all hold; nothing at all is inconclusive."""
    return next((one for one in _WORST_FIRST if one in outcomes), "inconclusive")


def best(outcomes: Sequence[str]) -> str:
    """Combine outcomes of which one must hold."""
    return next((one for one in _BEST_FIRST if one in outcomes), "inconclusive")


def newest(evidence: Iterable[dict[str, Any]], digest: str) -> dict[str, dict[str, Any]]:
    """Return of each audit the newest evidence on these bytes."""
    ordered = sorted(evidence, key=_said_at)
    return {one["audit"]: one for one in ordered if one["model_digest"] == digest}


def _said_at(evidence: dict[str, Any]) -> datetime:
    return moment(evidence["recalled"] or evidence["started"])


class Judge:
    """Judges the version of a pack by a policy, on what was there before an entry.

    Args:
        pack: has the evidence and the findings.
        policy: the text, with defaults left out.
        before: the place of the entry.
        now: the time of the verdict: evidence grows too old, and the acceptance of a finding ends.
        recorded: the rules as a verdict has them. Where one compares with the champion, whose evidence is not
            in the pack, the difference is taken from there. None: there is no verdict of that moment, and
            such a rule counts as if it held.
    """

    def __init__(
        self,
        pack: Pack,
        policy: dict[str, Any],
        before: int,
        now: datetime,
        recorded: Sequence[Row] | None = None,
    ) -> None:
        if unknown := sorted(set(policy) - _POLICY_KEYS):
            raise DoesNotHold(_unknown(unknown))
        self._policy = policy
        self._rules: list[dict[str, Any]] = policy.get("rules", [])
        self._recorded = recorded
        self._at = 0
        self.from_record = 0
        """How many differences were taken from the record."""
        ages = policy.get("max_age_days", {})
        self._found = {
            audit: one
            for audit, one in newest(pack.evidence(before), pack.digest).items()
            if (most := ages.get(audit, ages.get("*"))) is None or now - _said_at(one) <= timedelta(days=most)
        }
        day = now.astimezone(timezone.utc).date().isoformat()
        self._own, self._champion = pack.digest, champion_then(pack, before)
        known = findings(pack, before)
        self._open = [one.severity for one in known if one.is_open(pack.version, pack.author, day)]
        self._known = len(known)

    @property
    def read(self) -> list[dict[str, Any]]:
        """The evidence that the policy reads."""
        asked = {leaf["audit"] for rule in self._rules for leaf in _leaves(rule)}
        asked |= set(self._policy.get("required_audits", []))
        return [one for audit, one in self._found.items() if audit in asked]

    @property
    def data(self) -> list[str]:
        """Digests of the data that it was measured on."""
        return sorted({one["data_digest"] for one in self.read})

    def rows(self) -> list[Row]:
        """Return all rules, judged."""
        rows = [row for rule in self._rules for row in self._rule(rule, 0)]
        ruled = {leaf["audit"] for rule in self._rules for leaf in _leaves(rule)}
        required = self._policy.get("required_audits", [])
        rows += [self._presence(audit) for audit in required if audit not in ruled]
        return rows + [self._open_findings(*one) for one in self._policy.get("max_open_findings", {}).items()]

    def outcome(self, rows: Sequence[Row]) -> str:
        """Return the outcome of all of them; a policy without rules passes nothing."""
        least = [] if self._rules else ["inconclusive"]
        return worst([row["outcome"] for row in rows if row["depth"] == 0] + least)

    def _rule(self, rule: dict[str, Any], depth: int) -> list[Row]:
        if unknown := sorted(set(rule) - _RULE_KEYS):
            raise DoesNotHold(_unknown(unknown))
        if not (group := rule.get("any") or rule.get("all")):
            rows = self._leaf(rule, depth)
            self._at += len(rows)
            return rows
        self._at += 1  # the group's own row stands first
        members = [self._rule(member, depth + 1) for member in group]
        outcomes = [worst([row["outcome"] for row in rows if row["depth"] == depth + 1]) for rows in members]
        head = _row({}, best(outcomes) if rule.get("any") else worst(outcomes), depth)
        return [head, *(row for rows in members for row in rows)]

    def _leaf(self, rule: dict[str, Any], depth: int) -> list[Row]:
        evidence = self._found.get(rule["audit"])
        if evidence is None:
            return [_row(rule, "inconclusive", depth)]
        if evidence["outcome"] == "error":
            return [_row(rule, "error", depth)]
        if _limit(rule) is None:
            own = evidence["outcome"]
            return [_row(rule, own if own in ("pass", "fail") else "inconclusive", depth)]
        if rule.get("than") == "champion":
            return self._against_champion(rule, evidence, depth)
        if rule.get("than") == "baseline":
            covered = _paired(rule, evidence, "against=dummy")
        else:
            measured = [m for m in evidence["measurements"] if m["metric"] == rule["metric"]]
            covered = [m for m in measured if _pattern(rule).fullmatch(m["slice"])]
        return [_compared(rule, m, depth) for m in covered] or [_row(rule, "inconclusive", depth)]

    def _against_champion(self, rule: dict[str, Any], evidence: dict[str, Any], depth: int) -> list[Row]:
        measured_with = evidence.get("champion_digest")
        if self._champion in ("", self._own):
            alone = rule.get("without_champion", "inconclusive") if not self._champion else "pass"
            return [_row(rule, alone, depth)]
        if measured_with and measured_with != self._champion:
            return [_row(rule, "inconclusive", depth)]
        paired = _paired(rule, evidence, "against=champion") if measured_with else []
        rows = [_compared(rule, one, depth) for one in paired] or self._as_recorded(rule, depth)
        return rows or [_row(rule, "inconclusive", depth)]

    def _as_recorded(self, rule: dict[str, Any], depth: int) -> list[Row]:
        """Take differences from the record, and compare each with the limit again."""
        if self._recorded is None:
            return [_row(rule, "pass", depth)]
        rows: list[Row] = []
        for row in self._recorded[self._at :]:
            wanted = _row({**rule, "slice": row["slice"]}, row["outcome"], depth)
            other = any(row[key] != wanted[key] for key in ("audit", "metric", "direction", "limit", "depth"))
            seen = row["slice"] in {one["slice"] for one in rows}
            if other or seen or row["n"] is None or not _pattern(rule).fullmatch(row["slice"]):
                break
            rows.append(_compared(rule, {**row, "value": row["estimate"]}, depth))
        self.from_record += len(rows)
        return rows

    def _presence(self, audit: str) -> Row:
        own = self._found[audit]["outcome"] if audit in self._found else "inconclusive"
        return _row({"audit": audit}, own if own in ("error", "inconclusive") else "pass", 0)

    def _open_findings(self, severity: str, most: int) -> Row:
        count, name = self._open.count(severity), f"severity={severity}"
        rule = {"metric": "open_findings", "bound": "estimate", "at_most": most}
        measured = {"slice": name, "value": count, "low": None, "high": None, "n": self._known}
        return _row(rule, "pass" if count <= most else "fail", 0, measured, count)


def _unknown(keys: list[str]) -> str:
    return f"The policy asks for {', '.join(keys)}, which this script cannot judge: take a newer one."


def _leaves(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    group = rule.get("any") or rule.get("all")
    if not group:
        yield rule
    for member in group or ():
        yield from _leaves(member)


def _limit(rule: dict[str, Any]) -> Any:
    return rule.get("at_least", rule.get("at_most"))


def _pattern(rule: dict[str, Any]) -> re.Pattern[str]:
    """Return what matches the slices that a rule covers; ``*`` stands for anything."""
    return re.compile(".*".join(map(re.escape, rule.get("slice", "").split("*"))), re.DOTALL)


def _paired(rule: dict[str, Any], evidence: dict[str, Any], against: str) -> list[dict[str, Any]]:
    """Return differences that the audit measured on the same rows; there are such over all rows only."""
    metric = rule["metric"]
    metric = metric if metric.endswith("_difference") else f"{metric}_difference"
    found = [m for m in evidence["measurements"] if (m["metric"], m["slice"]) == (metric, against)]
    return [] if rule.get("slice") else [{**m, "slice": ""} for m in found]


def _compared(rule: dict[str, Any], measured: dict[str, Any], depth: int) -> Row:
    """Compare one measurement. On the cautious end a limit inside the interval proves neither side."""
    limit, low, high = _limit(rule), measured["low"], measured["high"]
    at_least = "at_least" in rule
    cautious = "lower" if at_least else "upper"
    end = rule.get("bound") or cautious
    value = {"estimate": measured["value"], "lower": low, "upper": high}[end]
    if measured["value"] is None or value is None:
        return _row(rule, "inconclusive", depth, measured)
    outcome = "pass" if (value >= limit if at_least else value <= limit) else "fail"
    if outcome == "fail" and end == cautious and low is not None and high is not None:
        inside = high >= limit if at_least else low <= limit
        outcome = "inconclusive" if inside else "fail"
    return _row(rule, outcome, depth, measured, value)


def _row(
    rule: dict[str, Any], outcome: str, depth: int, measured: dict[str, Any] | None = None, value: Any = None
) -> Row:
    direction = next((key for key in ("at_least", "at_most") if key in rule), "")
    cautious = {"at_least": "lower", "at_most": "upper", "": ""}[direction]
    numbers = measured or {"slice": rule.get("slice", "")}
    row = {
        "audit": rule.get("audit", ""),
        "metric": rule.get("metric", ""),
        "slice": numbers["slice"],
        "bound": (rule.get("bound") or cautious) if direction else "",
        "direction": direction,
        "value": value,
        "limit": _limit(rule),
        "estimate": numbers.get("value"),
        "outcome": outcome,
        "depth": depth,
    }
    return row | {key: numbers.get(key) for key in ("low", "high", "n")}


def champion_then(pack: Pack, before: int) -> str:
    """Return the digest of the version that had the alias ``champion`` before an entry; empty for none."""
    entries = [entry for entry in pack.stream(f"model/{pack.name}") if entry.seq < before]
    moves = [e.payload for e in entries if e.kind == "model.alias" and e.payload["alias"] == "champion"]
    digests = {e.payload["version"]: e.payload["digest"] for e in entries if e.kind == "model.registered"}
    return str(digests[moves[-1]["version"]]) if moves else ""


class Finding(NamedTuple):
    """Something about the model that somebody found, as it stands after some entries."""

    entry: Entry
    accepted: Entry | None = None
    fixed: Entry | None = None

    @property
    def severity(self) -> str:
        """How grave it is."""
        return str(self.entry.payload["severity"])

    def is_open(self, version: int, author: str, day: str) -> bool:
        """Return whether it stands against a version: not fixed by then, and not accepted on that day.

        What the version's own author accepted stands against it.
        """
        if self.fixed and version >= int(self.fixed.payload["version"].rpartition("/")[2]):
            return False
        if self.accepted is None or self.accepted.payload["by"].casefold() == author.casefold():
            return True
        return day > str(self.accepted.payload["until"])


def findings(pack: Pack, before: int) -> list[Finding]:
    """Return the findings about the model as they stood before an entry."""
    found: dict[str, Finding] = {}
    for entry in (entry for entry in pack.stream(f"finding/{pack.name}") if entry.seq < before):
        about = str(entry.payload.get("finding"))
        if entry.kind == "finding.opened":
            found[entry.payload["id"]] = Finding(entry)
        elif entry.kind == "finding.accepted" and about in found:
            found[about] = found[about]._replace(accepted=entry)
        elif entry.kind == "finding.fixed" and about in found:
            found[about] = found[about]._replace(fixed=entry)
    return list(found.values())


def judge_again(pack: Pack, verdict: Verdict) -> tuple[int, int]:
    """Judge what a verdict judged, and compare; return how many rules, and how many lean on the record."""
    said, where = verdict.said, f"The verdict in entry {verdict.entry.seq}"
    if (said["model"], said["model_digest"]) != (pack.ref, pack.digest):
        raise DoesNotHold(f"{where} is about other bytes than {pack.ref}.")
    policy = pack.policy_text(said["policy"], said["policy_digest"])
    judge = Judge(pack, policy, verdict.entry.seq, moment(said["time"]), said["rules"])
    if [pack.digest_of(one) for one in judge.read] != said["evidence"] or judge.data != said["data"]:
        raise DoesNotHold(f"{where} rests on other evidence than what was newest then.")
    rows = judge.rows()
    for index, (row, recorded) in enumerate(zip(rows, said["rules"])):
        if flaw := next((key for key in _COMPARED if row[key] != recorded[key]), ""):
            raise DoesNotHold(
                f"{where}, rule {index + 1} ({recorded['rule']}): {flaw} is {recorded[flaw]!r} there, and "
                f"{row[flaw]!r} by policy and evidence."
            )
    if len(rows) != len(said["rules"]) or judge.outcome(rows) != said["outcome"]:
        raise DoesNotHold(f"{where} says {said['outcome']}; judged again it is {judge.outcome(rows)}.")
    if said["required_approvals"] != policy.get("approvals", {}):
        raise DoesNotHold(f"{where} asks for other approvals than its policy.")
    return len(rows), judge.from_record


# -----------------------------------------------------------------------------------------------------------
# What people said: signed with keys that the journal enrolled, and what of it counted at a moment.

_DOMAINS = {
    "approval.given": b"model-workbench/approval/v1\n",
    "approval.rejected": b"model-workbench/approval/v1\n",
    "approval.revoked": b"model-workbench/revocation/v1\n",
}
_DECISIONS = {"approval.given": "approve", "approval.rejected": "reject"}


def words(pack: Pack) -> list[Entry]:
    """Return all approvals, rejections and revocations."""
    return pack.of_kind(f"approval/{pack.ref}", *_DOMAINS)


def enrolled(pack: Pack, person: str, before: int) -> Entry | None:
    """Return the entry that enrolled the key a person had then."""
    found = [e for e in pack.of_kind(f"key/{person}", "key.enrolled") if e.seq < before]
    return found[-1] if found else None


def check_word(pack: Pack, entry: Entry) -> None:
    """Check one approval, rejection or revocation."""
    where = _spoken(entry)
    _check_signed(entry, enrolled(pack, entry.payload["by"], entry.seq), _DOMAINS[entry.kind])
    if entry.kind in _DECISIONS:
        _check_bound(pack, entry, where)
    else:
        _check_revocation(pack, entry, where)


def _spoken(entry: Entry) -> str:
    return f"{entry.kind} in entry {entry.seq}, by {entry.payload['by']}"


def _check_signed(entry: Entry, key: Entry | None, domain: bytes) -> None:
    """Check that a word is signed with the key that an entry of the journal enrolled."""
    said, where = entry.payload, _spoken(entry)
    if key is None or key.payload["key"] != said["key"]:
        raise DoesNotHold(f"{where}: the key it names is not the one that the journal has of {said['by']}.")
    _check_signature(entry, domain)


def _check_signature(entry: Entry, domain: bytes) -> None:
    """Check that a word is signed with the key that it names."""
    said, where = entry.payload, _spoken(entry)
    try:
        signature, public = _base64(said["signature"]), Key.parse(said["key"]).public
    except ValueError as error:
        raise DoesNotHold(f"{where}: {error}.") from error
    signed = domain + canonical({k: v for k, v in said.items() if k != "signature"})
    if not ed25519_verifies(public, signature, signed):
        raise DoesNotHold(f"{where}: the signature does not hold.")


def _check_bound(pack: Pack, entry: Entry, where: str) -> None:
    said = entry.payload
    about = (f"{entry.stream}#{entry.position}", _DECISIONS[entry.kind], pack.ref, pack.digest)
    if (said["id"], said["decision"], said["model"], said["model_digest"]) != about:
        raise DoesNotHold(f"{where}: it is about something else than {pack.ref}.")
    if said["by"].casefold() == pack.author.casefold():
        raise DoesNotHold(f"{where}: it is the author's own.")
    if said["role"] not in pack.policy_text(said["policy"], said["policy_digest"]).get("approvals", {}):
        raise DoesNotHold(f"{where}: its policy does not ask for the role {said['role']}.")


def _check_revocation(pack: Pack, entry: Entry, where: str) -> None:
    """Check that a revocation takes back a word that is there, and is not the author's."""
    decided = pack.of_kind(entry.stream, *_DECISIONS)
    earlier = {one.payload["id"]: one.payload["by"] for one in decided if one.seq < entry.seq}
    about, by = entry.payload["approval"], entry.payload["by"].casefold()
    if about not in earlier:
        raise DoesNotHold(f"{where}: nobody had said {about} before.")
    if by != earlier[about].casefold() and by == pack.author.casefold():
        raise DoesNotHold(f"{where}: the author takes back what {earlier[about]} said.")


class Standing(NamedTuple):
    """Who stood behind the bytes at a moment, and who against."""

    given: dict[str, list[str]]
    """People by role."""
    rejected: list[str]


def standing(pack: Pack, verdict: dict[str, Any], data: Iterable[str], at: Entry) -> Standing:
    """Return what people's words came to when an entry was written.

    Args:
        pack: has their words.
        verdict: names the policy.
        data: digests of the data that the evidence was measured on: an approval on other data does not count.
        at: the entry.
    """
    digest = verdict["policy_digest"]
    policy = pack.policy_text(verdict["policy"], digest)
    before = [entry for entry in pack.stream(f"approval/{pack.ref}") if entry.seq < at.seq]
    taken_back = {e.payload["approval"] for e in before if e.kind == "approval.revoked"}
    about = [e for e in before if e.payload.get("policy_digest") == digest]
    asked = {e.payload["by"].casefold() for e in about if e.kind == "approval.requested"}
    given: dict[str, list[str]] = {}
    rejected = []
    for entry in (e for e in about if e.kind in _DECISIONS and e.payload["id"] not in taken_back):
        said, by, role = entry.payload, entry.payload["by"], entry.payload["role"]
        counted = [role] if policy.get("same_person_may_fill_roles") else list(given)
        others = {one.casefold() for other in counted for one in given.get(other, [])}
        if entry.kind == "approval.rejected":
            rejected.append(by)
        elif (
            (said["until"] is None or moment(at.time) < moment(said["until"]))
            and set(data) <= set(said["data"])
            and by.casefold() not in asked | others
        ):
            given.setdefault(role, []).append(by)
    return Standing(given, rejected)


def check_permission(pack: Pack, opened: Verdict, at: Entry) -> Standing:
    """Check that gate and people let a release through when an entry was written."""
    said, where = opened.said, f"{at.stream}, entry {at.seq} ({at.kind})"
    policy = pack.policy_text(said["policy"], said["policy_digest"])
    judge = Judge(pack, policy, at.seq, moment(at.time))
    outcome = judge.outcome(judge.rows())
    if (outcome, said["outcome"]) != ("pass", "pass"):
        raise DoesNotHold(f"{where}: the gate said {said['outcome']}, and it is {outcome} by what was there.")
    stood = standing(pack, said, judge.data, at)
    for role, count in policy.get("approvals", {}).items():
        if (there := len(stood.given.get(role, []))) < count:
            raise DoesNotHold(
                f"{where}: policy {said['policy']} asks for {count} by {role}, and {there} counted."
            )
    return stood


# -----------------------------------------------------------------------------------------------------------
# The stages of a release: walked one after the other, by the plan that it was opened with, and those that ask
# for people entered on their words alone.

_STAGE_DOMAINS = {
    "release.approved": b"model-workbench/stage-approval/v1\n",
    "release.approval_revoked": b"model-workbench/stage-revocation/v1\n",
}
#: What a plan leaves out of its digest, by the part of it that says so: what is not said otherwise.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "plan": {"description": "", "alpha": 0.05, "sticky": ""},
    "stage": {"weights": [], "min_minutes": 0, "deadline_minutes": 60, "approvals": {}},
    "errors": {"margin": 2, "alpha_share": 1},
    "disagreement": {"tolerance": 0, "alpha_share": 1},
    "latency": {"alpha_share": 1},
    "objective": {"alpha_share": 1},
    "guardrails": {"min_requests": 100, "alpha_share": 1},
}
#: What moves or is said while a release is under way, and in which states it may be.
_UNDER_WAY = {
    "release.stage_entered": ("running",),
    "release.promoted": ("running",),
    "release.approved": ("running", "paused"),
    "release.approval_revoked": ("running", "paused"),
}
_ENDS = {
    "release.promoted": "promoted",
    "release.aborted": "aborted",
    "release.rolled_back": "rolled back",
    "release.killed": "killed",
    "release.superseded": "superseded",
}
_LEADS_TO = {**_ENDS, "release.paused": "paused", "release.resumed": "running"}


def plan_digest(plan: dict[str, Any]) -> str:
    """Return the digest of what a plan says."""
    metrics = {name: _but(_DEFAULTS.get(name, {}), metric) for name, metric in plan["metrics"].items()}
    stages = [_but(_DEFAULTS["stage"], stage) for stage in plan["stages"]]
    return sha256(canonical({**_but(_DEFAULTS["plan"], plan), "metrics": metrics, "stages": stages}))


def _but(defaults: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in defaults or value != defaults[key]}


class Step(NamedTuple):
    """One step of a plan."""

    name: str
    approvals: dict[str, int]
    """How many people of each role must say yes before it is entered."""


def steps_of(plan: dict[str, Any]) -> list[Step]:
    """Return the stages as they are walked: one with several weights is as many steps, and asks once."""
    found = []
    for stage in plan["stages"]:
        asked = stage.get("approvals", {})
        shares = [f" {100 * weight:g} %" for weight in stage.get("weights", [])] or [""]
        found += [Step(stage["name"] + share, {} if n else asked) for n, share in enumerate(shares)]
    return found


class Entered(NamedTuple):
    """A step that a release entered, and whose words let it in."""

    entry: Entry
    step: Step
    given: dict[str, list[str]]
    """People by role."""
    alone: bool = False
    """It was champion at once, for there was none."""


class Walk:
    """A release, followed from its opening on.

    Args:
        pack: has it.
        stream: its stream.
    """

    def __init__(self, pack: Pack, stream: str) -> None:
        self._pack = pack
        self._first = first = pack.streams[stream][0]
        self.steps = steps_of(first.payload["plan"])
        self._at = 0
        self._state = "running"
        self._said: list[Entry] = []
        self._taken_back: set[int] = set()
        """Places among what was said."""
        if stream != f"release/{first.payload['id']}":
            raise DoesNotHold(f"{stream} begins with the opening of {first.payload['id']}.")
        if plan_digest(first.payload["plan"]) != first.payload["plan_digest"]:
            raise DoesNotHold(f"{stream} has another plan in entry {first.seq} than its digest says.")

    def entered(self) -> Iterator[Entered]:
        """Yield each step that was entered after the first; raise where one was not as the plan says."""
        for entry in self._pack.streams[self._first.stream][1:]:
            if self._state not in _UNDER_WAY.get(entry.kind, (self._state,)):
                raise DoesNotHold(f"{_moved(entry)}: the release was {self._state} then.")
            if entry.kind == "release.approved":
                self._check_approval(entry)
                self._said.append(entry)
            elif entry.kind == "release.approval_revoked":
                self._check_revocation(entry)
                self._taken_back.add(entry.payload["word"])
            elif entry.kind in ("release.stage_entered", "release.promoted"):
                yield self._enter(entry)
            self._state = _LEADS_TO.get(entry.kind, self._state)

    def _enter(self, entry: Entry) -> Entered:
        last = len(self.steps) - 1
        if entry.kind == "release.promoted" and entry.position == 1 and not self._reigns(entry.seq):
            return Entered(entry, self.steps[last], {}, alone=True)
        promoted = entry.kind == "release.promoted"
        wanted = last if promoted else entry.payload["stage"]
        if wanted != self._at + 1 or (wanted == last) != promoted:
            raise DoesNotHold(
                f"{_moved(entry)}: what comes after {self.steps[self._at].name} is {self._next}."
            )
        step, given = self.steps[wanted], self._given()
        if not promoted and entry.payload["name"] != step.name:
            raise DoesNotHold(f"{_moved(entry)}: what the plan has there is {step.name}.")
        for role, count in step.approvals.items():
            if (there := len(given.get(role, []))) < count:
                raise DoesNotHold(
                    f"{_moved(entry)}: {step.name} asks for {count} by {role}, and {there} counted."
                )
        self._at = wanted
        return Entered(entry, step, given)

    @property
    def _next(self) -> str:
        return self.steps[self._at + 1].name if self._at + 1 < len(self.steps) else "nothing"

    def _reigns(self, before: int) -> bool:
        """Return whether the endpoint had a champion. Of one named otherwise its opening says so."""
        if not _number(self._pack, self._first.stream):
            return bool(self._first.payload["champion"])
        ends = ("release.promoted", "release.rolled_back")
        streams = [name for name in self._pack.releases if _number(self._pack, name)]
        ended = [[e.kind for e in self._pack.of_kind(name, *ends) if e.seq < before] for name in streams]
        return any(kinds[-1:] == ["release.promoted"] for kinds in ended)

    def _given(self) -> dict[str, list[str]]:
        """Return who had said yes to the next step, by role. A person counts once."""
        given: dict[str, list[str]] = {}
        people: set[str] = set()
        for place, entry in enumerate(self._said):
            by, about = entry.payload["by"], entry.payload["stage"]
            if about == self._at + 1 and place not in self._taken_back and by.casefold() not in people:
                people.add(by.casefold())
                given.setdefault(entry.payload["role"], []).append(by)
        return given

    def _check_approval(self, entry: Entry) -> None:
        said, where = entry.payload, _spoken(entry)
        self._check_next(entry)
        about = (self._pack.ref, self._pack.digest, self._first.payload["plan_digest"])
        if (said["model"], said["model_digest"], said["plan_digest"]) != about:
            raise DoesNotHold(f"{where}: it is about other bytes, or another plan, than this release.")
        if self._is_party(said["by"]):
            raise DoesNotHold(f"{where}: it is by the author, or by whoever opened the release.")
        if said["role"] not in self.steps[self._at + 1].approvals:
            raise DoesNotHold(f"{where}: {self._next} does not ask for the role {said['role']}.")

    def _check_revocation(self, entry: Entry) -> None:
        said, where = entry.payload, _spoken(entry)
        self._check_next(entry)
        place = said["word"]
        if not 0 <= place < len(self._said) or self._said[place].payload["stage"] != said["stage"]:
            raise DoesNotHold(f"{where}: nobody had said such a word of {self._next} before.")
        giver = self._said[place].payload["by"]
        if said["by"].casefold() != giver.casefold() and self._is_party(said["by"]):
            raise DoesNotHold(f"{where}: the author, or whoever opened it, takes back what {giver} said.")

    def _check_next(self, entry: Entry) -> None:
        """Check that a word is signed, and about the step that came next."""
        said, where = entry.payload, _spoken(entry)
        if (said["release"], said["stage"]) != (self._first.payload["id"], self._at + 1):
            raise DoesNotHold(f"{where}: it is not about {self._next} of {self._first.payload['id']}.")
        if said["stage_name"] != self._next:
            raise DoesNotHold(f"{where}: it calls {self._next} {said['stage_name']}.")
        if lacks_key(self._pack, entry):
            _check_signature(entry, _STAGE_DOMAINS[entry.kind])
        else:
            _check_signed(entry, key_beside(self._pack, entry), _STAGE_DOMAINS[entry.kind])

    def _is_party(self, by: str) -> bool:
        return by.casefold() in (self._pack.author.casefold(), self._first.actor.casefold())


def _moved(entry: Entry) -> str:
    return f"{entry.stream}, entry {entry.seq} ({entry.kind})"


def stage_words(pack: Pack) -> list[Entry]:
    """Return what people said between the stages of this version's releases."""
    return [entry for stream in pack.own_releases for entry in pack.of_kind(stream, *_STAGE_DOMAINS)]


def key_beside(pack: Pack, entry: Entry) -> Entry | None:
    """Return the entry that enrolled the key of a word between stages.

    It stands before it, or right after it: a person's first word and their key are written together.
    """
    by = entry.payload["by"]
    before = enrolled(pack, by, entry.seq)
    known = before is not None and before.payload["key"] == entry.payload["key"]
    return before if known else enrolled(pack, by, entry.seq + 2)


def lacks_key(pack: Pack, entry: Entry) -> bool:
    """Return whether a word is by somebody whose key a pack of the first format left out."""
    return pack.format == FIRST_FORMAT and f"key/{entry.payload['by']}" not in pack.made.payload["streams"]


# -----------------------------------------------------------------------------------------------------------
# The claims: what the index page states, each with the entries and files that show it.


class Claim(NamedTuple):
    """One sentence, and where to look."""

    group: str
    sentence: str
    entries: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    outcome: str = ""
    """A word that stands beside it: pass, fail, inconclusive, approved, rejected, open …"""
    depth: int = 0
    """1 and more for a member of what stands above it."""


BYTES = "Which bytes"
ORIGIN = "Made of what, and by whom"
MEASURED = "Measured how, and what was found"
JUDGED = "Judged by which policy"
PEOPLE = "What people said"
OPEN = "Findings, waivers and incidents"
RELEASED = "Released"
JOURNAL = "The journal"


def claims(pack: Pack) -> list[Claim]:
    """Return all claims, in the order of the page."""
    parts = (_bytes, _origin, _measured, _judged, _people, _open, _released, _journal)
    return [claim for part in parts for claim in part(pack)]


def _bytes(pack: Pack) -> Iterator[Claim]:
    record, entry = pack.record, (pack.registered.seq,)
    scan = record.get("scan") or {"files": [], "verdict": ""}
    held = f", {len(scan['files'])} files" if scan["files"] else ""
    text = f"{pack.ref} is the artifact with the digest {pack.digest}, stored as {record['format']}{held}."
    yield Claim(BYTES, text, entry, (RECORD,))
    if scan["verdict"]:
        by = record["program_by"]
        basis = {"": "", "own": " from its author's own process"}.get(by, f" under {by}")
        what = "all of it is data" if scan["verdict"] == "data" else f"it holds a program, kept{basis}"
        text = f"Its files were looked at before anything of it was opened: {what}."
        yield Claim(BYTES, text, entry, (RECORD,))
    for one in record["attestations"]:
        path = ATTESTATIONS[one["kind"]]
        text = f"The {_PAPERS[path]} is the file that was written at registration: {one['digest']}."
        yield Claim(BYTES, text, entry, (path,))
    if record.get("unsigned"):
        yield Claim(BYTES, f"The artifact is not signed: {record['unsigned']}", entry, (RECORD,))


def _origin(pack: Pack) -> Iterator[Claim]:
    record, lineage = pack.record, pack.record["lineage"]
    compared = f"; groups are compared by {', '.join(record['sensitive'])}" if record["sensitive"] else ""
    packages = "".join(f", {name} {number}" for name, number in sorted(lineage["packages"].items()))
    purpose = f"for the {record['task']} of {record['target']}{compared}"
    trained = f"{lineage['data_rows']:,} rows with the fingerprint {lineage['data_digest']}"
    sentences = [
        f"{pack.author} registered it on {at(record['created'])}.",
        f"It was trained on {trained}, {purpose}.",
    ]
    if source := lineage["data_source"] or lineage["data_file"]:
        digest = f" ({lineage['data_file_digest']})" if lineage["data_file_digest"] else ""
        sentences.append(f"Its data came from {source}{digest}, as {pack.author} gave it.")
    if lineage["git_commit"]:
        changes = f"with changes that are not committed {lineage['git_diff']}".rstrip()
        state = changes if lineage["git_dirty"] else "with nothing uncommitted"
        sentences.append(f"Its code was commit {lineage['git_commit']}, {state}.")
    sentences.append(f"It was made with Python {lineage['python']}{packages}.")
    if lineage["environment"]:
        sentences.append(f"All that was installed then has the digest {lineage['environment']}.")
    sentences += [f"It was made from {parent['ref']} ({parent['digest']})." for parent in lineage["parents"]]
    for sentence in sentences:
        yield Claim(ORIGIN, sentence, (pack.registered.seq,), (RECORD,))


def _measured(pack: Pack) -> Iterator[Claim]:
    counting = newest(pack.evidence(pack.made.seq), pack.digest)
    for entry, path in pack.reports():
        said = entry.payload
        text = f"{entry.actor} audited it on {said['rows']:,} rows on {at(entry.time)}."
        yield Claim(MEASURED, text, (entry.seq,), (path,), said["outcome"])
        for index, one in enumerate(pack.json(path)["evidence"]):
            if any(one is other for other in counting.values()):
                drawn = sorted(name for name in pack.files if name.startswith(figure_prefix(path, index)))
                yield Claim(MEASURED, _found(one), (entry.seq,), (path, *drawn), one["outcome"], 1)
    if not counting:
        yield Claim(MEASURED, "It was not audited.", (pack.made.seq,))


def figure_prefix(path: str, index: int) -> str:
    """Return how the names of the figures begin that belong to one audit of a report."""
    return f"figures/{path.rpartition('/')[2][:16]}-{index:02d}-"


def _found(one: dict[str, Any]) -> str:
    if one["error"]:
        return f"{one['audit']} raised an error: {one['error']}"
    measured = one["measurements"]
    overall = [m for m in measured if not m["slice"] and m["value"] is not None][:3]
    weak = [m for m in measured if m["outcome"] in ("fail", "error")]
    doubtful = sum(m["outcome"] == "inconclusive" for m in measured)
    text = f"{one['audit']}, on the data {short(one['data_digest'])}: {_count(len(measured), 'number')}"
    text += "".join(f"; {m['metric']} {_interval(m)}" for m in overall)
    text += f". Inconclusive: {_count(doubtful, 'number')}" if doubtful else ""
    named = ", ".join(f"{m['metric']}{' for ' * bool(m['slice'])}{m['slice']}" for m in weak[:6])
    more = f" and {len(weak) - 6} more" if len(weak) > 6 else ""
    return f"{text}{'. Failed: ' if weak else ''}{named}{more}."


def _interval(m: dict[str, Any]) -> str:
    ends = "" if m["low"] is None or m["high"] is None else f" ({m['low']:.4g} to {m['high']:.4g})"
    return f"{m['value']:.4g}{ends}, n {m['n']:,}"


def _judged(pack: Pack) -> Iterator[Claim]:
    verdicts = pack.verdicts()
    for verdict in verdicts:
        said, entries = verdict.said, (verdict.entry.seq,)
        opened = verdict.entry.kind == "release.opened"
        when = f"when {verdict.entry.payload['id']} was opened" if opened else f"on {at(said['time'])}"
        text = f"Policy {said['policy']} ({said['policy_digest']}) judged it {when}. {said['reason']}"
        yield Claim(JUDGED, text, entries, (policy_path(said["policy_digest"]),), said["outcome"])
    if not verdicts:
        yield Claim(JUDGED, "No policy has judged it.", (pack.made.seq,))
        return
    _, from_record = judge_again(pack, verdicts[-1])
    for rule in said["rules"]:
        because = f" Asked because: {rule['because']}" if rule["because"] else ""
        text = f"{rule['rule']}. {rule['reason']}{because}"
        yield Claim(JUDGED, text, entries, (), rule["outcome"], 1 + rule["depth"])
    if from_record:
        text = (
            f"Taken from the verdict: {_count(from_record, 'difference')} from the champion, whose evidence "
        )
        text += "is not in this pack. Only the comparison with the limit was judged again."
        yield Claim(JUDGED, text, entries, (), "", 1)


def _people(pack: Pack) -> Iterator[Claim]:
    for entry in pack.stream(f"approval/{pack.ref}"):
        said, about = entry.payload, f"on {at(entry.time)}"
        key = enrolled(pack, said["by"], entry.seq) if entry.kind in _DOMAINS else None
        signed = f" Signed with {Key.parse(key.payload['key']).label}." if key else ""
        if entry.kind in _DECISIONS:
            did = "approved" if entry.kind == "approval.given" else "rejected"
            until = f", until {at(said['until'])}" if said["until"] else ""
            about += f" as {said['role']} (a role by {said['role_from']}), under policy {said['policy']} "
            about += (
                f"({short(said['policy_digest'])}) on the data {_listing(map(short, said['data']))}{until}"
            )
        else:
            did = f"took {said['approval']} back" if entry.kind in _DOMAINS else "asked for approval"
        outcome = {"approval.given": "approved", "approval.rejected": "rejected"}.get(entry.kind, "")
        text = f"{said['by']} {did} {about}: {_quoted(said['note'])}.{signed}"
        yield Claim(PEOPLE, text, tuple(one.seq for one in (entry, key) if one), (), outcome)
    if not words(pack):
        yield Claim(PEOPLE, "Nobody has approved or rejected it.", (pack.made.seq,))
    if verdicts := pack.verdicts():
        yield _counting(pack, verdicts[-1].said)


def _counting(pack: Pack, said: dict[str, Any]) -> Claim:
    """Say what people's words come to now, under the policy that judged last."""
    asked = said["required_approvals"]
    stood = standing(pack, said, said["data"], pack.made)
    text = f"Policy {said['policy']} asks for {_listing(f'{n} by {role}' for role, n in asked.items())}. "
    text += f"When this pack was made these approvals counted: {_listing(_by_role(stood.given))}."
    text += f" It stood rejected by {_listing(stood.rejected)}." if stood.rejected else ""
    enough = all(len(stood.given.get(role, [])) >= count for role, count in asked.items())
    outcome = "rejected" if stood.rejected else "approved" if enough else "not enough"
    return Claim(PEOPLE, text, (pack.made.seq,), (), outcome)


def _by_role(given: dict[str, list[str]]) -> list[str]:
    return [f"{by} as {role}" for role, people in given.items() for by in people]


def _open(pack: Pack) -> Iterator[Claim]:
    day = moment(pack.made.time).date().isoformat()
    known = findings(pack, pack.made.seq)
    for one in known:
        said, stands = one.entry.payload, one.is_open(pack.version, pack.author, day)
        where = f" in {said['version']}" if said["version"] else ""
        text = f"{said['by']} found{where} on {at(one.entry.time)}, {one.severity}: {_quoted(said['title'])}."
        if one.accepted:
            more = one.accepted.payload
            text += f" {more['by']} accepted it until {more['until']}: {_quoted(more['note'])}."
        if one.fixed:
            more = one.fixed.payload
            text += f" {more['by']} says it is fixed in {more['version']}: {_quoted(more['note'])}."
        entries = tuple(entry.seq for entry in one if entry)
        yield Claim(OPEN, text + " It is open." * stands, entries, (), "open" if stands else "")
    if not known:
        yield Claim(OPEN, f"Nobody has written down a finding about {pack.name}.", (pack.made.seq,))
    for entry in pack.of_kind(f"waiver/{pack.name}", "waiver.given"):
        said = entry.payload
        text = f"{said['by']} answers until {said['until']} for {pack.name} being kept as a {said['kind']}"
        yield Claim(OPEN, f"{text}: {_quoted(said['reason'])}.", (entry.seq,))
    for stream in sorted(name for name in pack.streams if name.startswith("incident/")):
        first, *later = pack.streams[stream]
        told = [f" {e.payload['sentence']}" for e in later if e.kind == "incident.bisected"][-1:]
        state = "closed" if any(e.kind == "incident.closed" for e in later) else "open"
        text = (
            f"Incident {first.payload['id']} of {at(first.time)}, {state}: {_quoted(first.payload['title'])}."
        )
        yield Claim(OPEN, text + "".join(told), tuple(e.seq for e in pack.streams[stream]))


def _released(pack: Pack) -> Iterator[Claim]:
    for verdict in (one for one in pack.verdicts() if one.entry.kind == "release.opened"):
        first = verdict.entry
        name = first.payload["id"]
        yield Claim(RELEASED, f"{first.actor} opened the release {name} on {at(first.time)}.", (first.seq,))
        between: dict[int, Claim] = {} if pack.format == FIRST_FORMAT else dict(_between(pack, first))
        for entry in pack.stream(first.stream):
            if entry.seq in between:
                yield between[entry.seq]
            if entry.kind not in _ENDS:
                continue
            text = f"{name} was {_ENDS[entry.kind]} on {at(entry.time)} by {entry.actor}"
            yield Claim(RELEASED, f"{text}: {entry.payload['reason']}", (entry.seq,), (), "", 1)
            if entry.kind == "release.promoted":
                stood = check_permission(pack, verdict, entry)
                text = f"At that moment these approvals counted: {_listing(_by_role(stood.given))}."
                text += f" It stood rejected by {_listing(stood.rejected)}." if stood.rejected else ""
                yield Claim(RELEASED, text, (entry.seq,), (), "rejected" if stood.rejected else "approved", 1)
    if not pack.own_releases:
        yield Claim(RELEASED, "It was never released.", (pack.made.seq,))
    champion, since = champion_of(pack)
    when = f", since {at(since.time)}" if since else ""
    text = f"The champion of {pack.name} was {champion or 'nobody'} when this pack was made{when}."
    yield Claim(RELEASED, text, (since.seq if since else pack.made.seq,))
    for entry in pack.of_kind(f"endpoint/{pack.name}", "endpoint.killed", "endpoint.revived")[-1:]:
        did = "stopped every answer of" if entry.kind == "endpoint.killed" else "let answer again"
        text = f"{entry.actor} {did} {pack.name} on {at(entry.time)}: {entry.payload['reason']}"
        yield Claim(RELEASED, text, (entry.seq,))


def _between(pack: Pack, first: Entry) -> Iterator[tuple[int, Claim]]:
    """Yield what is to be said of a release's plan, of its steps and of people between them, by entry."""
    walk, said = Walk(pack, first.stream), first.payload
    asks = "".join(
        f" {step.name} asks for {_listing(f'{n} by {role}' for role, n in step.approvals.items())}."
        for step in walk.steps
        if step.approvals
    )
    names = _listing(step.name for step in walk.steps)
    text = f"Its plan {said['plan']['name']} ({said['plan_digest']}) has the stages {names}.{asks}"
    yield first.seq, Claim(RELEASED, text, (first.seq,), (), "", 1)
    for entry, step, given, alone in walk.entered():
        text = f"{said['id']} entered {step.name} on {at(entry.time)}."
        text += f" These approvals of it counted: {_listing(_by_role(given))}." if given else ""
        text = "There was no champion to compare with, and no stage was walked." if alone else text
        yield entry.seq, Claim(RELEASED, text, (entry.seq,), (), "approved" if given else "", 1)
    for entry in pack.of_kind(first.stream, *_STAGE_DOMAINS):
        yield entry.seq, _stage_word(pack, entry)


def _stage_word(pack: Pack, entry: Entry) -> Claim:
    said, key = entry.payload, key_beside(pack, entry)
    if entry.kind == "release.approved":
        did = f"approved {said['stage_name']} on {at(entry.time)} as {said['role']}"
        did += f" (a role by {said['role_from']})"
    else:
        given = pack.of_kind(entry.stream, "release.approved")[said["word"]]
        did = f"took back on {at(entry.time)} what {given.payload['by']} had said of {said['stage_name']}"
        did += f" in entry {given.seq}"
    signed = f" Signed with {Key.parse(key.payload['key']).label}." if key else ""
    text = f"{said['by']} {did}: {_quoted(said['note'])}.{signed}"
    return Claim(RELEASED, text, tuple(one.seq for one in (entry, key) if one), (), "", 1)


def champion_of(pack: Pack) -> tuple[str, Entry | None]:
    """Return the champion of the model's name, and the entry that made it champion."""
    promoted: dict[str, Entry] = {}
    champion, since = "", None
    own = [entry for name in pack.releases if _number(pack, name) for entry in pack.streams[name]]
    for entry in sorted([*own, *pack.stream(f"model/{pack.name}")], key=lambda entry: entry.seq):
        now = champion
        if entry.kind == "release.promoted":
            promoted[entry.stream] = entry
            now = pack.streams[entry.stream][0].payload["candidate"]
        elif entry.kind == "release.rolled_back" and entry.stream in promoted:
            del promoted[entry.stream]
            now = pack.streams[next(reversed(promoted))][0].payload["candidate"] if promoted else ""
        elif entry.kind == "model.alias" and entry.payload["alias"] == "champion":
            now = f"{pack.name}/{entry.payload['version']}"
        if now != champion:
            champion, since = now, entry
    return champion, since


def _number(pack: Pack, stream: str) -> int:
    """Return the number of a release of the model's endpoint; 0 for any other stream."""
    name, _, number = stream.rpartition("-")
    return _counted(number) if name == f"release/{pack.name}" else 0


def _journal(pack: Pack) -> Iterator[Claim]:
    note, made = pack.checkpoint, (pack.made.seq,)
    text = f"{pack.made.actor} made this pack on {at(pack.made.time)}. The journal {note.origin} had "
    text += f"{_count(note.size, 'entry', 'entries')} then, with the root {note.root.hex()}."
    yield Claim(JOURNAL, text, made, (CHECKPOINT,))
    text = f"{len(pack.entries):,} of them are here, each under that root by proof, in whole streams."
    yield Claim(JOURNAL, text, made, (ENTRIES, PROOFS))
    empty = [name for name, count in sorted(pack.made.payload["streams"].items()) if not count]
    if empty:
        yield Claim(JOURNAL, f"The journal had nothing under {_listing(empty)}.", made)
    if notes := earlier_notes(pack):
        least = min(one.size for one in notes.values())
        text = (
            f"The journal only grew since {_count(len(notes), 'earlier checkpoint')}, the first of them over "
        )
        text += f"{_count(least, 'entry', 'entries')}: nothing that they cover was changed afterwards."
        yield Claim(JOURNAL, text, made, (PROOFS, *notes))


def earlier_notes(pack: Pack) -> dict[str, Note]:
    """Return the earlier checkpoints by file."""
    names = sorted(name for name in pack.files if name.startswith(EARLIER))
    return {name: Note.parse(pack.files[name], name) for name in names}


def at(text: str) -> str:
    """Write a time for people."""
    return f"{moment(text).astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def short(digest: str) -> str:
    """The first eight digits of a digest."""
    return digest.rpartition(":")[2][:8]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listing(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _quoted(words: str) -> str:
    return f"“{words.rstrip('.')}”"


# -----------------------------------------------------------------------------------------------------------
# The index page: made from the pack alone, so that whoever verifies makes it again and compares every byte.

_CANNOT = (
    (
        "That what was written is true. It shows who wrote it, in which order and when by their clock, and "
        "that nobody changed it since. What nobody wrote down is in no journal."
    ),
    "That nothing followed. It shows the journal up to its checkpoint: ask for a new pack to see further.",
    (
        "By proof, that a stream is shown to its end. No entry is missing in between, for they are numbered. "
        "How many there are, and which releases and incidents concern this version, is the word of whoever "
        "made the pack, kept in the entry under which the checkpoint was signed. Who has the whole journal "
        "can hold them to it."
    ),
    (
        "Who a name is. A key is entered in the journal when its owner first signs, or when the project "
        "lists it: compare its hash with that person. Whether they had a role was looked up in the "
        "project's settings."
    ),
    (
        "The measuring itself. Each comparison with a policy was made again here, from the numbers in the "
        "evidence. The numbers can be measured again by whoever has artifact and data, which their digests "
        "name."
    ),
    "That the model is fit, fair or lawful. It is evidence for those who must decide that.",
)
_CANNOT_OF_STAGES = (
    "Whether somebody had their role still when a stage was entered on their word, or had the role of whose "
    "word they took back: the roles of that day are in the project's settings, which are not here."
)
_LEFT_OUT = (
    "the artifact, training and test data, and captured traffic: their digests stand for them",
    "the rows of incidents; what was written about an incident is here",
    "the evidence of other versions, and streams that are not about this one",
    "of the earlier checkpoints all but 64, if there are more",
    "keys that sign",
)
_CSS = """
:root { color-scheme: light dark; --muted: #57606a; --line: #d7dbdf; --raised: #f3f4f6;
  --good: #1b6e2c; --bad: #b3261e; --doubt: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --muted: #b3b9c0; --line: #444; --raised: #212121;
  --good: #7dd891; --bad: #ff9f97; --doubt: #f5bd6b; } }
body { margin: 0; background: Canvas; color: CanvasText; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.1rem; margin: 2.6rem 0 .5rem; }
p, ul { max-width: 46rem; margin: .4rem 0; }
ul { padding-left: 1.2rem; }
ul li { margin: .3rem 0; }
.muted, .proof, th, dt { color: var(--muted); }
a { color: inherit; }
code, pre { font-family: ui-monospace, monospace; font-size: .85em; }
pre { background: var(--raised); padding: .7rem .9rem; border-radius: 4px; white-space: pre-wrap; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.4rem; margin: 1.6rem 0;
  padding: 1rem 1.2rem; background: var(--raised); border-radius: 6px; }
dd { margin: 0; }
ol { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
ol li { display: grid; grid-template-columns: 2.2rem minmax(0, 1fr) 8.2rem; gap: .1rem 1rem;
  padding: .55rem 0; border-bottom: 1px solid var(--line); align-items: baseline; }
ol li.d1 { padding-left: 1.6rem; } ol li.d2 { padding-left: 3.2rem; } ol li.d3 { padding-left: 4.8rem; }
.number { color: var(--muted); text-align: right; font-variant-numeric: tabular-nums; }
.proof { grid-column: 2; font-size: .85rem; }
.chip { grid-column: 3; grid-row: 1; justify-self: start; border: 1px solid currentColor; border-radius: 1em;
  padding: 0 .65em; font-size: .85rem; font-weight: 600; white-space: nowrap; color: var(--muted); }
.chip.good { color: var(--good); } .chip.bad { color: var(--bad); } .chip.doubt { color: var(--doubt); }
table { border-collapse: collapse; font-size: .87rem; width: 100%; }
th, td { text-align: left; font-weight: 400; padding: .25rem 1rem .25rem 0; vertical-align: baseline;
  border-bottom: 1px solid var(--line); }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr:target td { background: var(--raised); font-weight: 600; }
a:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
@media (max-width: 44rem) { ol li { grid-template-columns: 2.2rem minmax(0, 1fr); }
  .chip { grid-column: 2; grid-row: auto; } dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .5rem; } }
@media print { ol li, tr { break-inside: avoid; } h2 { break-after: avoid; } }
"""
#: Words that stand beside a claim, each with a sign and the class that gives its colour.
_CHIPS = {
    "pass": ("✓", "good"),
    "approved": ("✓", "good"),
    "fail": ("✕", "bad"),
    "rejected": ("✕", "bad"),
    "error": ("!", "bad"),
    "inconclusive": ("?", "doubt"),
    "not enough": ("?", "doubt"),
    "open": ("?", "doubt"),
    "measured": ("·", "plain"),
}
_PAPERS = {
    RECORD: "record of the version",
    ATTESTATIONS["ml-bom"]: "bill of materials (CycloneDX)",
    ATTESTATIONS["in-toto"]: "statement of the training run (in-toto)",
    ATTESTATIONS["signature"]: "signature of the artifact (OpenSSF)",
    CHECKPOINT: "checkpoint",
    ENTRIES: "entries",
    PROOFS: "proofs",
}
_FOLDERS = {
    "evidence/": "report",
    "figures/": "figure",
    "policy/": "text of the policy",
    EARLIER: "checkpoint",
}

#: What acts on a page or a terminal without being seen: controls, turns of direction, halves of characters.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: object) -> str:
    """Text from a pack on one line, with a replacement character for what is not seen."""
    return _UNSEEN.sub("\ufffd", re.sub(r"[\t\n\r]+", " ", str(text)))


def page(pack: Pack) -> bytes:
    """Return the index page."""
    stated, title = claims(pack), f"Evidence for {_escaped(pack.ref)}"
    facts = "".join(f"<dt>{name}</dt><dd>{_escaped(value)}</dd>\n" for name, value in _facts(pack).items())
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    cannot = _CANNOT if pack.format == FIRST_FORMAT else (*_CANNOT, _CANNOT_OF_STAGES)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        f"<title>{title}</title>\n<style>{_CSS}</style>\n</head>\n<body><main>\n<h1>{title}</h1>\n",
        f'<p class="muted">{_count(len(stated), "claim")}, each with the entries of the journal and files ',
        'that show it. Until you have verified them they are no more than claims: <a href="#how">how to</a>.',
        f"</p>\n<dl>\n{facts}</dl>\n",
        *_sections(stated),
        f"<h2>What this pack cannot show</h2>\n{_bullets(cannot)}",
        f"<h2>What was left out</h2>\n{_bullets(_LEFT_OUT)}",
        *_how_to_verify(pack),
        *_tables(pack),
        "</main></body>\n</html>\n",
    ]
    return "".join(parts).encode()


def _facts(pack: Pack) -> dict[str, str]:
    verdicts, note = pack.verdicts(), pack.checkpoint
    last = verdicts[-1].said if verdicts else None
    stood = standing(pack, last, last["data"], pack.made) if last else Standing({}, [])
    return {
        "bytes": pack.digest,
        "verdict": f"{last['outcome']}, by policy {last['policy']}" if last else "none",
        "approved by": _listing(_by_role(stood.given)),
        "champion": champion_of(pack)[0] or "nobody",
        "made": f"{at(pack.made.time)} by {pack.made.actor}",
        "journal": f"{note.origin}, {_count(note.size, 'entry', 'entries')}",
        "root": note.root.hex(),
        "signed by": _listing(note.signers),
    }


def _sections(stated: Sequence[Claim]) -> Iterator[str]:
    number = 0
    for group in dict.fromkeys(claim.group for claim in stated):
        yield f"<h2>{_escaped(group)}</h2>\n<ol>\n"
        for claim in (claim for claim in stated if claim.group == group):
            number += 1
            yield _item(number, claim)
        yield "</ol>\n"


def _item(number: int, claim: Claim) -> str:
    sign, tone = _CHIPS.get(claim.outcome, ("", "plain"))
    chip = f'<span class="chip {tone}">{sign} {_escaped(claim.outcome)}</span>' if claim.outcome else ""
    seqs = ", ".join(f'<a href="#e{seq}">#{seq}</a>' for seq in claim.entries)
    entries = f"{'entry' if len(claim.entries) == 1 else 'entries'} {seqs}" if seqs else ""
    links = [f'<a href="{_escaped(path)}">{_escaped(_label(path))}</a>' for path in claim.files]
    links[MOST_LINKS:] = [f"{len(links) - MOST_LINKS} more"] if len(links) > MOST_LINKS else []
    proof = f'<span class="proof">{" · ".join(filter(None, [entries, *links]))}</span>'
    left = f'<span class="number">{number}</span><span>{_digests(_escaped(claim.sentence))}</span>'
    return f'<li class="d{min(claim.depth, 3)}">{left}{chip}{proof}</li>\n'


def _label(path: str) -> str:
    return _PAPERS.get(path) or next(word for start, word in _FOLDERS.items() if path.startswith(start))


def _digests(text: str) -> str:
    return re.sub(r"(?:sha256:)?\b[0-9a-f]{40,64}\b", r"<code>\g<0></code>", text)


def _how_to_verify(pack: Pack) -> Iterator[str]:
    signer = _escaped(_listing(pack.checkpoint.signers))
    yield '<h2 id="how">How to verify it</h2>\n<p>On any machine with Python 3.9 or later, without network. '
    yield f"The key is the line that begins with <code>{signer}</code>: get it from that person, not from "
    yield f"here. Take {SCRIPT} out of the pack, put it beside the pack, and run:</p>\n"
    yield f"<pre>python3 {SCRIPT} --key '{signer}+…' pack.zip</pre>\n"
    yield "<p>A script that came with what it verifies proves little by itself. Compare its digest with the "
    yield "one that the makers of the workbench publish for their release, or take theirs:</p>\n"
    yield f"<pre>{sha256(pack.file(SCRIPT))}</pre>\n"


def _bullets(sentences: Iterable[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{_escaped(sentence)}</li>\n" for sentence in sentences) + "</ul>\n"


def _tables(pack: Pack) -> Iterator[str]:
    yield "<h2>Entries of the journal</h2>\n<table>\n<tr><th>entry</th><th>when</th><th>who</th><th>what</th>"
    yield "<th>under</th></tr>\n"
    for entry in pack.entries:
        cells = (at(entry.time), entry.actor, entry.kind, f"{entry.stream}#{entry.position}")
        told = "".join(f"<td>{_escaped(cell)}</td>" for cell in cells)
        yield f'<tr id="e{entry.seq}"><td>#{entry.seq}</td>{told}</tr>\n'
    yield "</table>\n<h2>Files</h2>\n<table>\n<tr><th>file</th><th>bytes</th><th>SHA-256</th></tr>\n"
    for name in sorted(set(pack.files) - {INDEX, MANIFEST}):
        link, data = _escaped(name), pack.files[name]
        yield f'<tr><td><a href="{link}">{link}</a></td><td class="n">{len(data):,}</td>'
        yield f"<td><code>{hashlib.sha256(data).hexdigest()}</code></td></tr>\n"
    yield "</table>\n"


def _escaped(text: object) -> str:
    return html.escape(visible(text))


def manifest(pack: Pack) -> bytes:
    """Return the manifest: every other file with its size and digest."""
    note = pack.checkpoint
    content = {
        "format": pack.format,
        "model": pack.ref,
        "digest": pack.digest,
        "made": {"by": pack.made.actor, "time": pack.made.time},
        "checkpoint": {"origin": note.origin, "size": note.size, "root": note.root.hex()},
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in pack.files.items()
            if name != MANIFEST
        },
    }
    return canonical(content)


# -----------------------------------------------------------------------------------------------------------
# Verification: one check a function, each returns what it found in a sentence or raises.


def _check_files(pack: Pack) -> str:
    said = pack.json(MANIFEST)
    if said.get("format") not in (FIRST_FORMAT, FORMAT):
        raise DoesNotHold(
            f"{MANIFEST} is of the format {said.get('format')!r}, and this script reads {FORMAT}."
        )
    listed = said["files"]
    for name in sorted({*listed, *pack.files} - {MANIFEST}):
        if name not in listed or name not in pack.files:
            raise DoesNotHold(f"{name} is {'missing' if name in listed else 'not in the manifest'}.")
        if listed[name]["sha256"] != hashlib.sha256(pack.files[name]).hexdigest():
            raise DoesNotHold(f"{name} is not the file that the manifest names.")
    if pack.files[MANIFEST] != manifest(pack):
        raise DoesNotHold(f"{MANIFEST} says something else than what is in the pack.")
    return f"{len(pack.files)}, as the manifest says"


def _check_checkpoint(pack: Pack, keys: Sequence[Key]) -> str:
    note = pack.checkpoint
    if len(note.signatures) != 1 or note.text.count(b"\n") != 3:
        raise DoesNotHold(f"{CHECKPOINT} has more than origin, size, root and one signature.")
    if note.size != pack.made.seq + 1:
        raise DoesNotHold(f"{CHECKPOINT} is not over the entry that says what is in the pack, as its last.")
    about = f"{note.size:,} entries, root {note.root.hex()}"
    if keys and not note.signed_by(keys, CHECKPOINT):
        raise DoesNotHold(
            f"{CHECKPOINT} is signed by {note.signers[0]}, and that is not the key that was given."
        )
    return f"{about}, signed by {note.signers[0]}{'' if keys else ', NOT CHECKED: no key was given'}"


def _check_entries(pack: Pack) -> str:
    proofs = pack.json(PROOFS)
    if canonical(proofs) != pack.file(PROOFS) or set(proofs) != {"inclusion", "consistency"}:
        raise DoesNotHold(f"{PROOFS} is not written as a pack has it.")
    if not pack.file(ENTRIES).endswith(b"\n"):
        raise DoesNotHold(f"{ENTRIES} does not end with its last line.")
    paths, last = proofs["inclusion"], -1
    if sorted(paths) != sorted(str(entry.seq) for entry in pack.entries):
        raise DoesNotHold(f"{PROOFS} is not about the entries that are here.")
    for entry in pack.entries:
        path = [_hash(text) for text in paths[str(entry.seq)]]
        if not included(entry.leaf, entry.seq, pack.checkpoint.size, path, pack.checkpoint.root):
            raise DoesNotHold(
                f"Entry {entry.seq} ({entry.kind} in {entry.stream}) is not one of the journal's."
            )
        if entry.seq <= last:
            raise DoesNotHold(f"{ENTRIES} has entry {entry.seq} out of its place.")
        last = entry.seq
    return f"{len(pack.entries)}, each under that root"


def _hash(text: str) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != 32 or value.hex() != text:
        raise DoesNotHold(f"{PROOFS} holds something that is no hash.")
    return value


def _check_earlier(pack: Pack, keys: Sequence[Key]) -> str:
    paths = pack.json(PROOFS)["consistency"]
    notes, note = earlier_notes(pack), pack.checkpoint
    if sorted(paths) != sorted(notes):
        raise DoesNotHold(f"{PROOFS} is not about the earlier checkpoints that are here.")
    enrolments = [e for name, stream in pack.streams.items() if name.startswith("key/") for e in stream]
    known = [*keys, *(Key.parse(e.payload["key"]) for e in enrolments if e.kind == "key.enrolled")]
    signed = 0
    for name, earlier in notes.items():
        path = [_hash(text) for text in paths[name]]
        if earlier.origin != note.origin or not grown(earlier.size, note.size, earlier.root, note.root, path):
            raise DoesNotHold(f"The journal does not go on from the checkpoint {name}.")
        signed += bool(earlier.signed_by(known, name))
    return (
        f"{len(notes)}, from which the journal only grew; {signed} signed by a key known here"
        if notes
        else "none"
    )


def _check_whole(pack: Pack) -> str:
    """No stream has a gap or lacks its end, and none that the version needs is left out."""
    counts = {**pack.made.payload["streams"], pack.made.stream: pack.made.position + 1}
    for name in sorted({*counts, *pack.streams}):
        places = [entry.position for entry in pack.stream(name)]
        if name not in counts:
            raise DoesNotHold(f"{name} is not among the streams that were packed.")
        if places != list(range(len(places))) or len(places) != counts[name]:
            missing = next((n for n, place in enumerate(places) if n != place), len(places))
            raise DoesNotHold(f"{name} has {counts[name]} entries, and number {missing} is not in its place.")
    for name in _needed(pack):
        if name not in counts:
            raise DoesNotHold(f"{name} was not packed.")
    return f"{len(counts)}, none with a gap, each as long as entry {pack.made.seq} says"


def _needed(pack: Pack) -> Iterator[str]:
    yield from (f"{kind}/{pack.ref}" for kind in ("evidence", "gate", "approval", "pack"))
    yield from (f"{kind}/{pack.name}" for kind in ("model", "finding", "waiver", "endpoint"))
    yield from (f"policy/{verdict.said['policy']}" for verdict in pack.verdicts())
    yield from (f"key/{entry.payload['by']}" for entry in words(pack))
    if pack.format != FIRST_FORMAT:
        yield from (f"key/{entry.payload['by']}" for entry in stage_words(pack))
    numbers = sum(bool(_number(pack, name)) for name in pack.releases)
    yield from (f"release/{pack.name}-{number}" for number in range(1, numbers + 2))  # and no further one


def _check_made(pack: Pack) -> str:
    said = pack.made.payload
    if (pack.made.stream, said["digest"]) != (f"pack/{pack.ref}", pack.digest):
        raise DoesNotHold(f"Entry {pack.made.seq} is about another pack.")
    there = {name: sha256(data) for name, data in pack.files.items() if name not in AFTERWARDS}
    for name in sorted({*there, *said["files"]}):
        if there.get(name) != said["files"].get(name):
            raise DoesNotHold(
                f"{name} is not what was packed: entry {pack.made.seq} of the journal names another."
            )
    return f"{len(there)} named in entry {pack.made.seq}, the last under the checkpoint"


def _check_model(pack: Pack) -> str:
    if pack.file(RECORD) != canonical(pack.record):
        raise DoesNotHold(f"{RECORD} is not what entry {pack.registered.seq} says of {pack.ref}.")
    attested = {ATTESTATIONS[one["kind"]]: one["digest"] for one in pack.record["attestations"]}
    there = {name for name in pack.files if name.startswith("model/")} - {RECORD}
    for name in sorted(there | set(attested)):
        if name not in there or name not in attested or sha256(pack.files[name]) != attested[name]:
            raise DoesNotHold(f"{name} is not the file that was written when {pack.ref} was registered.")
    count = _count(len(attested), "attestation")
    return f"{pack.ref} with {count}, as entry {pack.registered.seq} says"


def _check_evidence(pack: Pack) -> str:
    paths = {path: entry for entry, path in pack.reports()}
    if there := sorted({name for name in pack.files if name.startswith("evidence/")} - set(paths)):
        raise DoesNotHold(f"{there[0]} belongs to no audit in the journal.")
    for path, entry in paths.items():
        if sha256(pack.file(path)) != entry.payload["report"]:
            raise DoesNotHold(f"{path} is not the report that entry {entry.seq} names.")
        report = pack.json(path)
        if {one["audit"]: one["outcome"] for one in report["evidence"]} != entry.payload["audits"]:
            raise DoesNotHold(f"{path} has other outcomes than entry {entry.seq}.")
    return f"{_count(len(paths), 'report')}, each the one that the journal names"


def _check_policies(pack: Pack) -> str:
    texts = {}
    for stream in (name for name in pack.streams if name.startswith("policy/")):
        for entry in pack.of_kind(stream, "policy.used"):
            name, digest = entry.payload["name"], entry.payload["digest"]
            texts[policy_path(digest)] = canonical(pack.policy_text(name, digest))
    for path in sorted({*texts, *(path for path in pack.files if path.startswith("policy/"))}):
        if pack.files.get(path) != texts.get(path):
            raise DoesNotHold(f"{path} is not the text of a policy in the journal.")
    return f"{_count(len(texts), 'text')}, each with the digest that verdicts name"


def _check_verdicts(pack: Pack) -> str:
    verdicts = pack.verdicts()
    judged = [judge_again(pack, verdict) for verdict in verdicts]
    rules, from_record = (sum(column) for column in (zip(*judged) if judged else ((), ())))
    gate = [verdict for verdict in verdicts if verdict.entry.kind == "gate.judged"]
    if pack.files.get(VERDICT) != (canonical(gate[-1].said) if gate else None):
        raise DoesNotHold(f"{VERDICT} is not the newest verdict in the journal.")
    leaning = f"; {_count(from_record, 'difference')} from a champion as recorded" if from_record else ""
    return f"{len(verdicts)} with {_count(rules, 'rule')}, judged again with the same outcome{leaning}"


def _check_words(pack: Pack) -> str:
    said = words(pack)
    for entry in said:
        check_word(pack, entry)
    return f"{len(said)} by people, each signed with the key that the journal has of them"


def _check_releases(pack: Pack) -> str:
    opened_on = {verdict.entry.stream: verdict for verdict in pack.verdicts()}
    promoted = 0
    for stream in pack.own_releases:
        first, verdict = pack.streams[stream][0], opened_on[stream]
        if first.payload["candidate_digest"] != pack.digest or first.seq < pack.registered.seq:
            raise DoesNotHold(f"{stream} is of other bytes than {pack.ref}.")
        check_permission(pack, verdict, first)
        for entry in pack.of_kind(stream, "release.promoted"):
            promoted += 1
            check_permission(pack, verdict, entry)
    count = _count(promoted, "promotion")
    return f"{len(pack.own_releases)} with {count}, each after the verdict and the approvals that it needs"


def _check_stages(pack: Pack) -> str:
    entered = sum(len(list(Walk(pack, stream).entered())) for stream in pack.own_releases)
    said = stage_words(pack)
    if lacking := sum(lacks_key(pack, entry) for entry in said):
        keys = f", {lacking} of them with keys that this pack, of the first format, does not have"
    else:
        keys = ", each signed with the key that the journal has of them" * bool(said)
    return f"{entered} entered in the order of their plans; {_count(len(said), 'word')} by people{keys}"


def _check_index(pack: Pack) -> str:
    if pack.file(INDEX) != page(pack):
        raise DoesNotHold(f"{INDEX} states something else than entries and files show.")
    return f"{len(claims(pack))} claims, the ones that follow from all this"


class Verification(NamedTuple):
    """What came of it."""

    holds: bool | None
    """None: it agrees with itself, and no key was there to check who signed."""
    problem: str
    """The first thing that does not hold."""
    checked: tuple[tuple[str, str], ...]
    """What was checked, and what was found."""
    model: str = ""
    digest: str = ""
    claims: tuple[Claim, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 it holds, 1 it does not, 2 nobody's signature was checked."""
        return {True: 0, False: 1, None: 2}[self.holds]

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        said = [f"{what:<12}{found}" for what, found in self.checked]
        if self.holds is False:
            said.append(f"DOES NOT HOLD  {self.problem}")
        elif self.holds:
            said.append(f"holds: {len(self.claims)} claims about {self.model} ({self.digest})")
        else:
            said.append(
                f"NOT VERIFIED: {len(self.claims)} claims about {self.model} agree with each other, and "
                "anybody can write such a pack. Give the public key of who signed: --key 'name+hash+base64'"
            )
        return [visible(line) for line in said]

    def to_json(self) -> str:
        """Return it as JSON."""
        content = {
            "holds": self.holds,
            "problem": self.problem,
            "model": self.model,
            "digest": self.digest,
            "checked": dict(self.checked),
            "claims": [claim._asdict() for claim in self.claims],
        }
        return json.dumps(content, indent=2)


def verify(raw: bytes, keys: Sequence[Key] = ()) -> Verification:
    """Verify a pack.

    Args:
        raw: the bytes of the file.
        keys: the checkpoint must be signed with one of them.
    """
    checked: list[tuple[str, str]] = []
    try:
        pack = Pack(opened(raw))
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("files", lambda: _check_files(pack)),
            ("checkpoint", lambda: _check_checkpoint(pack, keys)),
            ("entries", lambda: _check_entries(pack)),
            ("earlier", lambda: _check_earlier(pack, keys)),
            ("streams", lambda: _check_whole(pack)),
            ("packed", lambda: _check_made(pack)),
            ("model", lambda: _check_model(pack)),
            ("evidence", lambda: _check_evidence(pack)),
            ("policies", lambda: _check_policies(pack)),
            ("verdicts", lambda: _check_verdicts(pack)),
            ("words", lambda: _check_words(pack)),
            ("stages", lambda: _check_stages(pack)),
            ("releases", lambda: _check_releases(pack)),
            ("index", lambda: _check_index(pack)),
        )
        for name, step in steps:
            checked.append((name, step()))
        found = tuple(claims(pack))
    except DoesNotHold as flaw:
        return Verification(holds=False, problem=str(flaw), checked=tuple(checked))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        problem = f"It is not formed as a pack is ({type(error).__name__}: {error})."
        return Verification(holds=False, problem=problem, checked=tuple(checked))
    return Verification(
        holds=True if keys else None,
        problem="",
        checked=tuple(checked),
        model=pack.ref,
        digest=pack.digest,
        claims=found,
    )


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Exit with 3: argparse's own code, 2, has another meaning here."""
        self.print_usage(sys.stderr)
        self.exit(3, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the pack that the command line names; return the exit code."""
    parser = _Arguments(prog=SCRIPT, description="Verify an evidence pack of the Model Workbench.")
    parser.add_argument("pack", nargs="?", default="pack.zip", help="the file (default: pack.zip)")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="LINE",
        help="public key of whoever signed; again for each",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    given = parser.parse_args(arguments)
    try:
        keys = [Key.parse(line) for line in given.key]
        raw = Path(given.pack).read_bytes()
    except ValueError as error:
        parser.error(f"--key: {error}")
    except OSError as error:
        parser.error(f"{given.pack} cannot be read ({error.strerror})")
    found = verify(raw, keys)
    print(found.to_json() if given.json else "\n".join(found.lines()))
    return found.exit_code


if __name__ == "__main__":
    for output in (sys.stdout, sys.stderr):  # a console may know fewer characters than a name has
        getattr(output, "reconfigure", lambda **_: None)(errors="backslashreplace")
    sys.exit(main())
