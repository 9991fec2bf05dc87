"""The application: every route but the static files asks Airflow who is there and what they may do."""

import html
import json
from pathlib import Path

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from tm_core.errors import (
    BadName,
    DatabaseError,
    ItemClaimed,
    LookupRefused,
    ReleaseObsolete,
    SettingsError,
    StaleVersion,
    TmError,
    UnknownItem,
    UnstorableText,
)
from tm_review import gate_page, plan_page, queue, search, slices, statistics
from tm_review.access import READ, Name, Right, User, allowed, refuse_other_sites
from tm_review.shield import Shield

STATIC = Path(__file__).parent / "static"

#: What an error of ours is for the page. The first class that fits counts.
_STATUS: tuple[tuple[type[TmError], int], ...] = (
    (UnknownItem, 404),
    (StaleVersion, 409),
    (ItemClaimed, 409),
    (ReleaseObsolete, 409),
    (LookupRefused, 400),
    (BadName, 400),
    (UnstorableText, 422),
    (DatabaseError, 503),
    (SettingsError, 503),
    (TmError, 400),
)


def make_app() -> FastAPI:
    """The application, to be mounted below Airflow's own; its auth manager must have been initialised."""
    app = FastAPI(
        dependencies=[Depends(get_user), Depends(refuse_other_sites)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, dependencies=[READ], include_in_schema=False)
    app.add_api_route("/api/me", _me, dependencies=[READ])
    for part in (queue, statistics, search, slices, gate_page, plan_page):
        app.include_router(part.router)
    app.add_exception_handler(TmError, _explained)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Shield)
    return app


def _page() -> FileResponse:
    return FileResponse(STATIC / "index.html")


def _me(user: User, name: Name) -> dict[str, object]:
    """Who is there, and which buttons to show; the routes decide for themselves."""
    return {"name": name, "rights": [right.value for right in Right if allowed(user, right)]}


def _explained(_request: Request, error: Exception) -> Response:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)


def _invalid(_request: Request, error: Exception) -> Response:
    """Say what is wrong with a request, without the value: it may be what no JSON can say, NaN or half a character."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for mypy
    said = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors()]
    return Response(json.dumps({"detail": said}), 422, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    """A person who opens an address without being signed in is shown the way, not JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy
    if error.status_code != 401 or "text/html" not in request.headers.get("accept", ""):
        return await http_exception_handler(request, error)
    login = html.escape(get_auth_manager().get_url_login(next_url=str(request.url.path)), quote=True)
    text = f'<!doctype html><title>TM review</title><p>Please <a href="{login}" target="_top">sign in to Airflow</a>.'
    return HTMLResponse(text, 401)
