"""Documents in a memory, each bead of which waits for review: what the page's tests and its benchmark look at."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tm_core.identity import context_hash, text_hash, unit_key

DAY = date(2026, 1, 5)
BATCH = "2026-01-05-0123456789ab"
#: Source and target segments of a bead; a side without any is a null bead's.
Bead = tuple[tuple[str, ...], tuple[str, ...]]
#: The third bead's second target segment belongs to the fourth.
GUIDE: list[Bead] = [
    (("The cat sleeps.",), ("Die Katze schläft.",)),
    (("It dreams of 12 mice.",), ("Sie träumt von 12 Mäusen.",)),
    (("The dog barks.",), ("Der Hund bellt.", "Es regnet.")),
    (("It rains.",), ("Alle werden nass.",)),
    (("Everybody gets wet.",), ()),
    (("Press <b>{key}</b> 3 times.",), ("Drücken Sie <b>{key}</b> 4 Mal.",)),
    (("The end.",), ("Ende.",)),
]
HOSTILE: list[Bead] = [
    (("<script>window.hacked = 1</script>Open",), ('<img src=x onerror="window.hacked=2"> Öffnen',)),
    (("A line\u2028separator and </textarea><b>bold</b>",), ("javascript:alert(1) \u202etxet",)),
]
ARABIC: list[Bead] = [
    (("The meeting begins at 9:30.",), ("يبدأ الاجتماع في الساعة ٩:٣٠.",)),
    (("Save the file (PDF) before you close it.",), ("احفظ الملف (PDF) قبل إغلاقه.",)),
    (("Three of 1,200 pages are missing.",), ("ثلاث صفحات من أصل ١٬٢٠٠ مفقودة.",)),
]
CHINESE: list[Bead] = [
    (("The lamp stays on for 15 minutes.",), ("灯会亮15分钟。",)),
    (("Turn the wheel. Then wait.",), ("转动轮子，", "然后等待。")),
    (("Clean it with water.",), ("用水清洗。",)),
]


def add_items(
    connection: psycopg.Connection[Any],
    store: str,
    src_lang: str,
    tgt_lang: str,
    beads: Sequence[Bead],
    *,
    documents: int = 1,
    with_units: bool = True,
    **columns: Any,
) -> list[int]:
    """Put documents of these beads into a store, with a review item for each pair; returns the items' numbers.

    From the second document on, texts carry the document's number. `columns` are more columns of the items.
    """
    run = connection.execute
    run("select ops.ensure_month(%s)", (DAY,))
    run(
        "insert into ops.batch (batch_id, partition_date, state, run_id, versions)"
        " values (%s, %s, 'done', 'made', '{}') on conflict do nothing",
        (BATCH, DAY),
    )
    run("insert into tm.store (name) values (%s) on conflict do nothing", (store,))
    rows = [
        row
        for number in range(documents)
        for row in _document(store, src_lang, tgt_lang, _numbered(beads, number), number)
    ]
    with connection.transaction():
        if with_units:
            _insert_units(connection, store, src_lang, tgt_lang, rows)
        return _insert(connection, "review.item", [_item(row, columns) for row in rows], "item_id")


def _numbered(beads: Sequence[Bead], number: int) -> list[Bead]:
    if not number:
        return list(beads)
    sign = f" [{number}]"
    return [(tuple(one + sign for one in src), tuple(one + sign for one in tgt)) for src, tgt in beads]


def _document(store: str, src_lang: str, tgt_lang: str, beads: Sequence[Bead], number: int) -> Iterable[dict[str, Any]]:
    key = bytes.fromhex(text_hash(f"{store} {src_lang} {tgt_lang} {number}"))
    for position, (src, tgt) in enumerate(beads):
        if not (src and tgt):
            continue
        before = " ".join(beads[position - 1][0]) if position else ""
        after = " ".join(beads[position + 1][0]) if position + 1 < len(beads) else ""
        context = context_hash(before, after)
        src_text, tgt_text = " ".join(src), " ".join(tgt)
        hashes = {
            "context": context,
            "src_hash": text_hash(src_text),
            "tgt_hash": text_hash(tgt_text),
            "prev_hash": before and text_hash(before),
            "next_hash": after and text_hash(after),
            "unit_key": unit_key(store, src_lang, tgt_lang, src_text, tgt_text, context),
        }
        around = {
            "before": [_bead(beads, at) for at in range(max(0, position - 2), position)],
            "own": _bead(beads, position),
            "after": [_bead(beads, at) for at in range(position + 1, min(len(beads), position + 3))],
            "src_glue": " ",
            "tgt_glue": "" if tgt_lang == "zh" else " ",
        }
        facts = {"store": store, "document_key": key, "position": position, "src_lang": src_lang, "tgt_lang": tgt_lang}
        texts = {"src_text": src_text, "tgt_text": tgt_text, "item_key": "", "batch_id": BATCH, "partition_date": DAY}
        yield facts | texts | {name: bytes.fromhex(one) for name, one in hashes.items()} | {"around": Jsonb(around)}


def _bead(beads: Sequence[Bead], position: int) -> dict[str, Any]:
    src, tgt = beads[position]
    return {"position": position, "src": src, "tgt": tgt, "score": 0.75, "tier": "lexical"}


def _item(row: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    return row | {"tier": "lexical", "score_bin": 3, "weight": 1.0, "score": 0.75} | columns


def _insert_units(
    connection: psycopg.Connection[Any], store: str, src_lang: str, tgt_lang: str, rows: Sequence[dict[str, Any]]
) -> None:
    ((store_id,),) = connection.execute("select store_id from tm.store where name = %s", (store,)).fetchall()
    known = {"store_id": store_id, "tier": "lexical", "aligner": "made", "model_hash": "", "score": 0.75}
    facts = [known | {name: row[name] for name in row if name not in ("store", "around")} for row in rows]
    documents = {row["document_key"] for row in rows}
    connection.cursor().executemany(
        "insert into tm.document (store_id, document_key, name, src_lang, tgt_lang, partition_date, generation,"
        " batch_id, content_hash) values (%s, %s, 'guide', %s, %s, %s, 1, %s, 'content')",
        [(store_id, key, src_lang, tgt_lang, DAY, BATCH) for key in documents],
    )
    said = "store_id document_key unit_key position tier aligner model_hash score partition_date batch_id".split()
    _insert(connection, "tm.evidence", [{name: row[name] for name in said} for row in facts])
    _insert(connection, "tm.unit", facts)


def _insert(
    connection: psycopg.Connection[Any], table: str, rows: Sequence[dict[str, Any]], returning: str = ""
) -> list[Any]:
    names = list(rows[0])
    statement = f"insert into {table} ({', '.join(names)}) values ({', '.join(f'%({name})s' for name in names)})"
    cursor = connection.cursor()
    if not returning:
        cursor.executemany(statement, rows)
        return []
    cursor.executemany(f"{statement} returning {returning}", rows, returning=True)
    found = [cursor.fetchone()[0]]
    while cursor.nextset():
        found.append(cursor.fetchone()[0])
    return found
