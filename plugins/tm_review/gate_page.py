"""The gate's Data Docs of a batch and the pictures of its slices' worst examples, from object storage."""

import base64
import hashlib
import re

from fastapi import APIRouter, HTTPException, Response

from tm_core.batches import work_path
from tm_core.contracts import Step
from tm_core.deposits import STORE_NAME
from tm_review.access import READ
from tm_review.memory import storage

router = APIRouter(dependencies=[READ])

_SLICE = re.compile(STORE_NAME + r"\.[A-Za-z-]{2,30}")
_BATCH = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


@router.get("/gate/{batch_id}")
def gate_page(batch_id: str) -> Response:
    """The page as the gate wrote it: no script runs in it, and no style but its own."""
    page = _read(batch_id, "index.html")
    return Response(page, media_type="text/html; charset=utf-8", headers={"content-security-policy": _policy(page)})


@router.get("/gate/{batch_id}/{slice_name}.svg")
def examples(batch_id: str, slice_name: str) -> Response:
    """The worst examples of a slice, named as in ``manuals.en-de``: what the form of tm_release shows."""
    if not _SLICE.fullmatch(slice_name):
        raise HTTPException(404, f"No slice is named {slice_name!r}.")
    picture = _read(batch_id, f"{slice_name}.svg")
    return Response(picture, media_type="image/svg+xml", headers={"content-security-policy": _policy(picture)})


def _read(batch_id: str, name: str) -> bytes:
    path = work_path(batch_id, Step.GATE, "data_docs", name)
    if not _BATCH.fullmatch(batch_id) or not storage().exists(path):
        raise HTTPException(404, f"Batch {batch_id!r} has no gate page. Its gate has not run, or its files are gone.")
    return storage().read(path)


def _policy(page: bytes) -> str:
    # The first style alone: it is the template's, and stands before anything that came from data.
    first = _STYLE.search(page)
    hashed = base64.b64encode(hashlib.sha256(first.group(1)).digest()).decode() if first else ""
    styles = f"'sha256-{hashed}'" if first else "'none'"
    return (
        f"sandbox; default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
