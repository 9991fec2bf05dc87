"""The gate's Data Docs of a batch, from object storage."""

import base64
import hashlib
import re

from fastapi import APIRouter, HTTPException, Response

from tm_core.batches import work_path
from tm_core.contracts import Step
from tm_review.access import READ
from tm_review.memory import storage

router = APIRouter(dependencies=[READ])

_BATCH = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


@router.get("/gate/{batch_id}")
def gate_page(batch_id: str) -> Response:
    """The page as the gate wrote it: no script runs in it, and no style but its own."""
    path = work_path(batch_id, Step.GATE, "data_docs", "index.html")
    if not _BATCH.fullmatch(batch_id) or not storage().exists(path):
        raise HTTPException(404, f"Batch {batch_id!r} has no gate page. Its gate has not run, or its files are gone.")
    page = storage().read(path)
    return Response(page, media_type="text/html; charset=utf-8", headers={"content-security-policy": _policy(page)})


def _policy(page: bytes) -> str:
    # The first style alone: it is the template's, and stands before anything that came from data.
    first = _STYLE.search(page)
    hashed = base64.b64encode(hashlib.sha256(first.group(1)).digest()).decode() if first else ""
    styles = f"'sha256-{hashed}'" if first else "'none'"
    return (
        f"sandbox; default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
