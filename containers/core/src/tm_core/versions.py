"""Versions of the code that a bead depends on: they enter the ledger key and the batch id.

Raise a number in the change that makes the same input give another output: documents are then aligned again
instead of being taken from the ledger.
"""

from tm_core.identity import NORMALISATION_VERSION

SEGMENTER = "1"
LANGUAGE_ID = "1"
READERS = "3"
LEXICAL = "3"
EMBEDDING = "3"


def alignment_versions(encoder: str, model_hash: str, threshold: float, lexicon: str) -> tuple[str, ...]:
    """What the beads of one document depend on besides its texts."""
    return (
        f"normalisation={NORMALISATION_VERSION}",
        f"segmenter={SEGMENTER}",
        f"language_id={LANGUAGE_ID}",
        f"readers={READERS}",
        f"lexical={LEXICAL}",
        f"embedding={EMBEDDING}",
        f"encoder={encoder}:{model_hash}",
        f"threshold={threshold!r}",
        f"lexicon={lexicon}",
    )
