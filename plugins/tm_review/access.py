"""Who may do what, decided by Airflow's own auth manager; and what a request must look like to be heard at all.

| here | what Airflow is asked | SimpleAuthManager's roles |
|---|---|---|
| viewers read | may read the DAG tm_refresh | viewer, user, op, admin |
| reviewers judge | may trigger runs of tm_refresh | user, op, admin |
| operators release | may create events of assets, as a release does | op, admin |
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AssetDetails, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request

DAG = "tm_refresh"
#: A header that no form and no link of another site can send; its value does not matter.
OWN_HEADER = "x-tm-review"
_READING = ("GET", "HEAD")

User = Annotated[Any, Depends(get_user)]


class Right(StrEnum):
    """What a user may do here."""

    READ = "read"
    JUDGE = "judge"
    RELEASE = "release"


def allowed(user: Any, right: Right) -> bool:
    """Whether Airflow lets the user do this."""
    manager = get_auth_manager()
    if right is Right.RELEASE:
        return bool(manager.is_authorized_asset(method="POST", details=AssetDetails(), user=user))
    dag = DagDetails(id=DAG, team_name=DagModel.get_team_name(DAG))
    if right is Right.JUDGE:
        return bool(manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=dag, user=user))
    return bool(manager.is_authorized_dag(method="GET", details=dag, user=user))


def requires(right: Right) -> Callable[[Any], None]:
    """A dependency that refuses with 403 whoever lacks the right."""

    def check(user: User) -> None:
        if not allowed(user, right):
            raise HTTPException(403, f"Your role in Airflow may not {right.value} here. Ask an administrator for it.")

    return check


READ, JUDGE, RELEASE = (Depends(requires(right)) for right in Right)


def name_of(user: User) -> str:
    """The name under which Airflow knows the user; it goes into the audit trail."""
    return str(user.get_name())


Name = Annotated[str, Depends(name_of)]


def refuse_other_sites(request: Request) -> None:
    """Refuse with 403 what changes something and was not sent by this page.

    The browser adds Airflow's cookie to a POST of another page of the same site too, so the cookie proves nothing.
    """
    if request.method in _READING:
        return
    if OWN_HEADER not in request.headers or request.headers.get("sec-fetch-site", "same-origin") not in (
        "same-origin",
        "none",
    ):
        raise HTTPException(403, "This request was not sent by the review page. Nothing was changed.")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise HTTPException(403, f"A request from {origin!r} is not accepted. Nothing was changed.")


def _own_hosts(request: Request) -> set[str]:
    # Behind a proxy the Host header may be the inner one; [api] base_url is what browsers see.
    return {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc} - {""}
