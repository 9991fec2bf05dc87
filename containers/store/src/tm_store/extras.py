"""What a bilingual file says of a unit beyond its normalised texts: kept in ``tm.extra``, written by an export."""

from collections.abc import Mapping
from typing import Any

from tm_core.documents import BilingualUnit, Variant
from tm_core.identity import normalise
from tm_core.stores import Pair
from tm_formats.bilingual import CONTEXT, SCORE, TIER

Facts = dict[str, Any]


def facts_of(unit: BilingualUnit, src: Variant, tgt: Variant, pair: Pair, item_key: str) -> Facts | None:
    """What the memory's own columns do not hold of a unit; None if that is nothing."""
    facts: Facts = {}
    if side := _side(src, pair.src):
        facts["src"] = side
    if side := _side(tgt, pair.tgt):
        facts["tgt"] = side
    if unit.key != item_key:
        facts["key"] = unit.key
    others = tuple(f"{one.lang}:" for one in unit.variants if one is not src and one is not tgt)
    properties = {name: value for name, value in unit.properties.items() if not name.startswith(others)}
    if properties:
        facts["properties"] = properties
    return _storable(facts) if facts else None


def _side(variant: Variant, lang: str) -> Facts:
    side: Facts = {}
    if variant.lang != lang:
        side["lang"] = variant.lang
    if variant.text != normalise(variant.text):
        side["text"] = variant.text
    if variant.tags:
        side["tags"] = dict(variant.tags)
    return side


def _storable(value: Any) -> Any:
    """Without what Postgres cannot hold in JSON: NUL and half characters."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    return {_storable(name): _storable(inner) for name, inner in value.items()}


def variant_of(text: str, lang: str, side: Mapping[str, Any]) -> Variant:
    """One side of a unit as its file had it.

    Args:
        text, lang: what the memory's columns say.
        side: ``src`` or ``tgt`` of the facts, {} if they say nothing.
    """
    return Variant(lang=side.get("lang", lang), text=side.get("text", text), tags=side.get("tags", {}))


def unit_of(row: Any, pair: Pair, before: str, after: str) -> BilingualUnit:
    """A row of ``export/select_units`` as a unit of a file.

    Said is what the unit's own file said; where there was none, what the memory knows, as OmegaT names it.

    Args:
        before, after: the source texts round it in its document, "" where they are not known.
    """
    facts = row.facts or {}
    properties = facts.get("properties", {}) if facts else _known(row, before, after)
    return BilingualUnit(
        variants=(
            variant_of(row.src_text, pair.src, facts.get("src", {})),
            variant_of(row.tgt_text, pair.tgt, facts.get("tgt", {})),
        ),
        key=facts.get("key", row.item_key),
        properties=_unbound(properties),
    )


def _unbound(properties: Mapping[str, str]) -> dict[str, str]:
    """Properties under which OmegaT offers a unit in every file.

    It takes ``file`` alone for the translation of one place of that file, which no segment matches without ``id``,
    ``prev`` or ``next``: a unit in ``tm/auto`` would never be used.
    """
    if any(properties.get(f"prop:{name}") for name in ("id", "prev", "next")):
        return dict(properties)
    return {"prop:x-file" if name == "prop:file" else name: value for name, value in properties.items()}


def _known(row: Any, before: str, after: str) -> dict[str, str]:
    known = {
        "creationdate": f"{row.partition_date:%Y%m%d}T000000Z",
        "prop:file": row.name or "",
        "prop:prev": before,
        "prop:next": after,
        "prop:id": row.item_key,
        f"prop:{CONTEXT}": "" if row.item_key or before or after else row.context.hex(),
        f"prop:{SCORE}": f"{row.score:.6g}" if row.score < 1 else "",
        f"prop:{TIER}": row.tier,
    }
    return {name: value for name, value in known.items() if value}
