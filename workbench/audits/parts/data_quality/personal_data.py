"""Signs of personal data in columns: which column, which kind, in what share of its values. Never a value.

A kind is recognised by its form and, where it has one, by its check digit. Check digits match by chance, so a
share no greater than chance is not reported. A name, a place or a story in free text has no form: what is not
found here may be personal all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np
import pandas as pd
from pandas.api import types as kinds

from workbench.audits.records import Measurement
from workbench.stats.intervals import wilson

ROWS = 5_000
"""Rows of a column that are looked at."""
_TEXT, _ALL_TEXT = 2_000, 1_000_000
"""Characters of a value and of a column that are looked at."""
_MANY = 10
"""A column of fewer distinct values is a code, whatever its name: ``country_of_birth``."""
_LEAST = 0.001
"""A smaller share is not reported: forms turn up by accident."""


def _luhn(found: str) -> bool:
    digits = [int(c) for c in found if c.isdigit()][::-1]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (d * 2 - 9 * (d > 4) for d in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _iban(found: str) -> bool:
    text = re.sub(r"\s", "", found).upper()
    if not 15 <= len(text) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _ip(found: str) -> bool:
    try:
        ip_address(found)
    except ValueError:
        return False
    return True


def _dni(found: str) -> bool:
    number = found.upper().translate(str.maketrans("XYZ", "012")).replace("-", "")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number[:8]) % 23] == found[-1].upper()


def _nir(found: str) -> bool:
    text = re.sub(r"\s", "", found)
    return int(text[:13]) % 97 == 97 - int(text[13:])


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True)
class _Form:
    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]
    least: float
    """Share of the values below which it may be chance."""
    needs: re.Pattern[str]
    """A sign without which no value can match: most columns are done with after looking for it."""


def _form(
    kind: str, pattern: str, holds: Callable[[str], bool] = _any, least: float = _LEAST, needs: str = r"\d{2}"
) -> _Form:
    return _Form(kind, re.compile(pattern), holds, least, re.compile(needs))


_FORMS = (
    _form("email", r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}\b", needs="@"),
    _form("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", _iban),
    # One number in ten passes Luhn's test.
    _form("credit_card", r"(?<![\d.])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\d.])", _luhn, 0.3),
    _form("phone", r"(?<![\w.])(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(?\d{1,4}\)?[ ./-]?){2,5}\d{2,4}(?!\w)"),
    _form("phone", r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w.-])"),
    _form("ip_address", r"(?<![\w.:])\d{1,3}(?:\.\d{1,3}){3}(?![\w.:])", _ip, needs=r"\d\."),
    _form("ip_address", r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])", _ip, needs=":"),
    _form("national_id", r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    _form("national_id", r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"),
    _form("national_id", r"(?<!\w)[XYZxyz\d]-?\d{7}-?[A-Za-z](?!\w)", _dni, 0.2),
    _form("national_id", r"\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}\b", _nir, 0.1),
    _form("national_id", r"\b[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]\b"),
)

_NAMES = {
    "email": r"e?mail|mail_?address",
    "phone": r"phone|telephone|tel|mobile|fax",
    "birth_date": r"birth|birthday|birthdate|dob|geburt\w*|naissance",
    "national_id": r"ssn|social_security\w*|national_id|nin|nino|passport\w*|tax_?id|bsn|dni|nir|steuer_?id",
    "iban": r"iban|bank_account|account_number",
    "credit_card": r"credit_?card_?(?:no|number)|card_number",
    "ip_address": r"ip|ip_?addr\w*",
    "address": r"address|street|postcode|zip|zip_?code|postal_code|latitude|longitude",
    "person_name": r"(?:first|last|full|middle|sur|given|family)_?name",
}
_BY_NAME = {kind: re.compile(rf"(?:^|_)(?:{words})(?:_|$)") for kind, words in _NAMES.items()}


def personal_data(frame: pd.DataFrame, *, seed: int = 0, confidence: float = 0.95) -> list[Measurement]:
    """Return a measurement for each column and kind found; nothing that was in a cell is in it.

    Args:
        frame: looked at up to 5,000 rows a column, drawn by the seed.
        seed: of that draw.
        confidence: level of Wilson's interval of the share.
    """
    rows = np.arange(len(frame))
    if len(frame) > ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(frame), ROWS, replace=False))
    part = frame.iloc[rows]
    return [m for name in frame.columns for m in _of_column(str(name), part[name], confidence)]


def may_name_people(column: pd.Series) -> bool:
    """Whether a column's name or values look personal, so that its values must not be written anywhere."""
    return kind_by_name(str(column.name)) != "" or any(True for _ in _kinds(column.iloc[:ROWS]))


def kind_by_name(name: str) -> str:
    """Return the kind of personal data that a column's name announces, or an empty string."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", name).lower()
    return next((kind for kind, pattern in _BY_NAME.items() if pattern.search(words)), "")


def _of_column(name: str, column: pd.Series, confidence: float) -> Iterator[Measurement]:
    for kind, count, n in _kinds(column):
        low, high = wilson(count, n, confidence)
        ends = {"value": count / n, "low": low, "high": high, "n": n, "unit": "rate"}
        yield Measurement(
            metric=f"personal_data_{kind}", slice=name, note="by the form of the values", **ends
        )
    if (announced := kind_by_name(name)) and column.nunique() > _MANY:
        known = int(column.notna().sum())
        yield Measurement(
            metric="personal_data_column_name",
            slice=name,
            value=known / max(len(column), 1),
            n=len(column),
            unit="rate",
            note=f"its name says {announced}; the value is the share of rows that have one",
        )


def _kinds(column: pd.Series) -> list[tuple[str, int, int]]:
    """Kinds found by form, each with the number of rows that hold it and of rows looked at."""
    counted = _texts(column)
    rows, total = np.array(list(counted.values())), sum(counted.values())
    # One search in all values, a line each, is much faster than one a value; no form reaches over a line.
    text = "\n".join(counted)
    starts = np.cumsum([0, *(len(value) + 1 for value in counted)][:-1])
    found: dict[str, int] = {}
    for form in (form for form in _FORMS if form.needs.search(text)):
        places = [m.start() for m in form.pattern.finditer(text) if form.holds(m.group())]
        lines = np.unique(np.searchsorted(starts, places, side="right") - 1)
        count = int(rows[lines].sum()) if len(lines) else 0
        if count and count >= form.least * total:
            found[form.kind] = max(found.get(form.kind, 0), count)
    return [(kind, count, total) for kind, count in found.items()]


def _texts(column: pd.Series) -> dict[str, int]:
    """Rows by text, of columns that may hold one: text, categories, and whole numbers as long as a card's."""
    known = column.dropna()
    if isinstance(known.dtype, pd.CategoricalDtype):
        known = known.astype(object)
    if kinds.is_integer_dtype(known.dtype):
        known = known[known.abs() >= 10**12]
    elif not (known.dtype == object or kinds.is_string_dtype(known.dtype)):
        return {}
    texts = known.astype(str).str.slice(0, _TEXT).str.replace("\n", " ")
    texts = texts[texts.str.len().cumsum() <= _ALL_TEXT]
    return {str(value): int(rows) for value, rows in texts.value_counts().items()}
