"""One column's treatment as an SQL expression over a row of the source. Everything is computed inside PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from psycopg import sql

from tenantry.operations.clone.catalog import Column
from tenantry.operations.clone.classification import Treatment
from tenantry.operations.clone.dictionaries import MADE, SIZE, dictionary

DOMAIN: Final = "clone.invalid"
"""Where a clone's people have their addresses: RFC 2606 keeps `.invalid` from ever being registered, and no mail is sent there."""

TEXT: Final = frozenset({"text", "character varying", "character", "citext"})
INTEGERS: Final = {"bigint": 9_223_372_036_854_775_807, "integer": 2_147_483_647, "smallint": 32_767}
HASHED: Final = TEXT | INTEGERS.keys() | {"uuid", "bytea"}
SHIFTED: Final = frozenset(
    {"date", "timestamp without time zone", "timestamp with time zone", "daterange", "tsrange", "tstzrange"}
)  # fmt: skip
JSON: Final = frozenset({"json", "jsonb"})

SUFFIX: Final = 17
"""Characters that keep a word of a dictionary unique: a space and 64 bits in hex."""
UNIQUE_LENGTH: Final[Mapping[str, int]] = {"email": 29 + 1 + len(DOMAIN), "username": 29, "url": 8 + 24 + 2 + len(DOMAIN)}
"""Characters that the computed kinds of fake need."""

_KEYED = sql.SQL("sha256((SELECT key FROM pg_temp.clone_key) || {})")  # one block for most values; what is shown of it is cut
_WORDS = sql.SQL("(SELECT words || ''::bytea FROM pg_temp.clone_words WHERE name = {})")  # `||`: decompressed once, not for every row


@dataclass(frozen=True)
class Planned:
    """A column and what happens to it. ``unique``: different values must stay different. ``key``: the primary key of its table."""

    column: Column
    treatment: Treatment
    unique: bool
    key: tuple[Column, ...] = ()


def family(column: Column) -> str:
    """The column's type, or its elements', without schema and modifier."""
    return "citext" if column.base.rpartition(".")[2] == "citext" else column.base


def expression(planned: Planned, shift: timedelta) -> sql.Composable:
    """What to select for the column. ``shift`` is whole days."""
    column, treatment = planned.column, planned.treatment
    value = sql.Identifier("source", column.name)
    if treatment.kind == "keep":
        return value
    if treatment.kind == "null":
        return sql.SQL("NULL::{}").format(sql.SQL(column.type))
    place = _place(planned, value)
    if column.array:
        inside = sql.SQL("hashint8extended(u.number, {})").format(place)
        each = _treated(planned, sql.Identifier("u", "element"), inside, shift)
        return sql.SQL(
            "CASE WHEN {} IS NOT NULL THEN ARRAY(SELECT {} FROM unnest({}) WITH ORDINALITY AS u (element, number))::{} END"
        ).format(value, each, value, sql.SQL(column.type))
    return sql.SQL("({})::{}").format(_treated(planned, value, place, shift), sql.SQL(column.type))


def _place(planned: Planned, value: sql.Composable) -> sql.Composable:
    """A number for the row and column, from the primary key: what replaces a text or JSON must not depend on what it said."""
    seed = int.from_bytes(hashlib.sha256(planned.column.name.encode()).digest()[:8], "big", signed=True)
    number: sql.Composable = sql.SQL("{}::int8").format(sql.Literal(str(seed)))
    for column in planned.key:
        name = sql.Identifier("source", column.name)
        if column.base == "uuid" and not column.array:
            number = sql.SQL("uuid_hash_extended({}, {})").format(name, number)
        else:
            number = sql.SQL("hashtextextended({}::text, {})").format(name, number)
    return number if planned.key else _number(_KEYED.format(sql.SQL("convert_to({}::text, 'UTF8')").format(value)), INTEGERS["bigint"])


def _treated(planned: Planned, value: sql.Composable, place: sql.Composable, shift: timedelta) -> sql.Composable:
    treatment, type_ = planned.treatment, family(planned.column)
    match treatment.kind:
        case "hash":
            return _hashed(planned, value, type_)
        case "fake":
            return _fake(planned, value)
        case "scramble" if type_ in JSON:
            return sql.SQL("({})::{}").format(_json(sql.SQL("{}::jsonb").format(value), place, treatment), sql.SQL(type_))
        case "scramble":
            # Bytes are known without reading the text; only where characters are limited must those be counted.
            length = sql.SQL("octet_length" if type_ == "text" else "length")
            # The long way, which is not inlined, for what may be longer than the words that there are.
            return sql.SQL(
                "CASE WHEN octet_length({v}::text) <= 32768"
                " THEN convert_from(substr({words}, 1 + ({place} & 32767)::int, {length}({v}::text)), 'UTF8')"
                " ELSE pg_temp.clone_scramble({v}::text, {place}, {words}) END"
            ).format(v=value, place=place, words=_WORDS.format("corpus"), length=length)
        case "format":
            return sql.SQL("pg_temp.clone_format({}::text, {})").format(value, _digest(value, type_))
        case "shift":
            return _shifted(value, type_, shift)
    raise AssertionError(treatment.kind)


def _json(value: sql.Composable, place: sql.Composable, treatment: Treatment, *, inside: bool = False) -> sql.Composable:
    """What ``clone_json`` does, written out for the outermost level: most values have no other, and a call costs ten times as much."""
    parts = {
        "v": value,
        "h": place,
        "key": sql.SQL("(SELECT key FROM pg_temp.clone_key)"),
        "words": _WORDS.format("corpus"),
        "keys": sql.SQL("{}::text[]").format(list(treatment.keys)),
        "kept": sql.SQL("{}::text[]").format(list(treatment.kept)),
    }
    if inside:
        return sql.SQL(
            "CASE jsonb_typeof({v}) WHEN 'string' THEN {text} WHEN 'number' THEN {number} WHEN 'boolean' THEN {v} WHEN 'null' THEN {v}"
            " ELSE pg_temp.clone_json({v}, {h}, {key}, {words}, {keys}, {kept}) END"
        ).format(**parts, text=_JSON_TEXT.format(**parts), number=_JSON_NUMBER.format(**parts))
    readable = sql.SQL("true" if "*" in treatment.keys else "e.k = ANY ({keys})").format(**parts)
    of_key = _json(sql.SQL("e.v"), sql.SQL("hashtextextended(e.k, {h})").format(**parts), treatment, inside=True)
    of_place = _json(sql.SQL("e.v"), sql.SQL("hashint8extended(e.n, {h})").format(**parts), treatment, inside=True)
    return sql.SQL(
        "CASE jsonb_typeof({v})"
        " WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg("
        "CASE WHEN {readable} THEN e.k ELSE 'k_' || {hashed} END, CASE WHEN e.k = ANY ({kept}) THEN e.v ELSE {of_key} END), '{{}}')"
        " FROM jsonb_each({v}) AS e (k, v))"
        " WHEN 'array' THEN (SELECT coalesce(jsonb_agg({of_place} ORDER BY e.n), '[]')"
        " FROM jsonb_array_elements({v}) WITH ORDINALITY AS e (v, n))"
        " WHEN 'string' THEN {text} WHEN 'number' THEN {number} ELSE {v} END"
    ).format(
        **parts,
        readable=readable,
        hashed=_hex(_KEYED.format(sql.SQL("convert_to(e.k, 'UTF8')")), 16),
        of_key=of_key,
        of_place=of_place,
        text=_JSON_TEXT.format(**parts),
        number=_JSON_NUMBER.format(**parts),
    )


_JSON_TEXT = sql.SQL("to_jsonb(convert_from(substr({words}, 1 + ({h} & 32767)::int, length({v} #>> '{{}}')), 'UTF8'))")
_JSON_NUMBER = sql.SQL(
    "to_jsonb(({h} & 9007199254740991) % (10 ^ least(length(trunc(abs(({v} #>> '{{}}')::numeric))::text), 15))::bigint)"
)  # fmt: skip


def _digest(value: sql.Composable, type_: str) -> sql.Composable:
    """Keyed digest of the value alone: the same value is replaced alike in every table, which keeps references between them."""
    if type_ in INTEGERS:
        return _KEYED.format(sql.SQL("int8send({}::int8)").format(value))
    if type_ == "uuid":
        return _KEYED.format(sql.SQL("uuid_send({})").format(value))
    if type_ == "bytea":
        return _KEYED.format(value)
    return _KEYED.format(sql.SQL("convert_to({}::text, 'UTF8')").format(value))


def _hex(digest: sql.Composable, characters: int) -> sql.Composable:
    return sql.SQL("encode(substr({}, 1, {}), 'hex')").format(digest, sql.Literal(characters // 2))


def _number(digest: sql.Composable, mask: int) -> sql.Composable:
    return sql.SQL("(hashbyteaextended({}, 0) & {})").format(digest, sql.Literal(mask))


def _hashed(planned: Planned, value: sql.Composable, type_: str) -> sql.Composable:
    digest = _digest(value, type_)
    if type_ == "bytea":
        return digest
    if type_ == "uuid":  # version 4, as RFC 9562 wants it
        return sql.SQL(
            "encode(overlay(overlay(substr({}, 1, 16) placing '\\x40'::bytea from 7) placing '\\x80'::bytea from 9), 'hex')::uuid"
        ).format(digest)
    if type_ in INTEGERS:
        return sql.SQL("{}::{}").format(_number(digest, INTEGERS[type_]), sql.SQL(type_))
    return _cut(_hex(digest, 32), planned.column.length)


def _fake(planned: Planned, value: sql.Composable) -> sql.Composable:
    name, length = planned.treatment.fake or "", planned.column.length
    digest = _digest(value, "text")
    if name in MADE:
        width = dictionary(name).width
        word: sql.Composable = sql.SQL("rtrim(convert_from(substr({}, (1 + {} * {})::int, {}), 'UTF8'))").format(
            _WORDS.format(name), _number(digest, SIZE - 1), sql.Literal(width), sql.Literal(width)
        )
        if not planned.unique:
            return _cut(word, length)
        return sql.SQL("{} || ' ' || {}").format(_cut(word, length - SUFFIX if length else None), _hex(digest, 16))
    match name:
        case "email":
            made = sql.SQL("'user-' || {} || {}").format(_hex(digest, 24), f"@{DOMAIN}")
        case "username":
            made = sql.SQL("'user-' || {}").format(_hex(digest, 24))
        case "url":
            made = sql.SQL("'https://' || {} || {}").format(_hex(digest, 24), f".{DOMAIN}/")
        case "phone":  # country code 999 belongs to nobody (ITU-T E.164)
            made = sql.SQL("'+999' || lpad(({} % 100000000000)::text, 11, '0')").format(_number(digest, INTEGERS["bigint"]))
        case _:
            raise AssertionError(name)
    return made if planned.unique else _cut(made, length)


def _cut(text: sql.Composable, length: int | None) -> sql.Composable:
    return text if length is None else sql.SQL("left({}, {})").format(text, sql.Literal(length))


def _shifted(value: sql.Composable, type_: str, shift: timedelta) -> sql.Composable:
    days = sql.Literal(shift.days)
    # Hours, not days: a day of a timestamptz has 23 to 25 hours, depending on the session's time zone.
    by = days if type_.startswith("date") else sql.SQL("make_interval(hours => {} * 24)").format(days)
    if not type_.endswith("range"):
        return sql.SQL("({} + {})").format(value, by)
    return sql.SQL(
        "CASE WHEN isempty({v}) THEN {v} ELSE {type}(lower({v}) + {by}, upper({v}) + {by},"
        " CASE WHEN lower_inc({v}) THEN '[' ELSE '(' END || CASE WHEN upper_inc({v}) THEN ']' ELSE ')' END) END"
    ).format(v=value, type=sql.SQL(type_), by=by)
