"""Draw a batch's beads for review and put them into the queue."""

from tm_core.sampling import Stratum, draw, score_bin
from tm_core.settings import Settings
from tm_store.db import Database


def sample_batch(settings: Settings, db: Database, batch_id: str) -> int:
    """Sample the beads that a batch loaded; the same batch gives the same sample.

    Returns:
        The number of review items of the batch.
    """
    batch = db.one("ops/select_batch", batch_id=batch_id)
    rows = db.run("review/select_candidates", batch_id=batch_id, day=batch.partition_date)
    beads = [
        (
            f"{row.document_key}:{row.position}",
            Stratum(
                store=row.store,
                src_lang=row.src_lang,
                tgt_lang=row.tgt_lang,
                tier=row.tier,
                bin=score_bin(row.score),
            ),
        )
        for row in rows
    ]
    drawn = draw(beads, seed=batch_id, rate=settings.review_rate, budget=settings.review_budget)
    places = [one.bead.split(":") for one in drawn]
    with db.transaction():
        db.run("review/delete_open_items", batch_id=batch_id)
        db.run(
            "review/insert_items",
            batch_id=batch_id,
            documents=[document for document, _ in places],
            positions=[int(position) for _, position in places],
            bins=[one.stratum.bin for one in drawn],
            weights=[one.weight for one in drawn],
        )
    return len(drawn)
