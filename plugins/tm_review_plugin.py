"""The navigation entry "TM review": Airflow finds this file; everything else is in the package ``tm_review``.

Airflow imports plug-ins in every process, tasks among them. The application is therefore made when the first request
for it arrives, which happens in the API server alone.
"""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: The path of Airflow behind a proxy, as in https://example.org/airflow; empty without one.
BASE = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
PREFIX = "/tm-review"


class LateApplication:
    """The ASGI application, made when it is first asked for."""

    @cached_property
    def application(self) -> Application:
        from tm_review.app import make_app

        return make_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)


class LateApprovals:
    """The check of answers to our DAGs' questions (tm_review.approvals), loaded when the first answer arrives."""

    def __init__(self, app: Application) -> None:
        self.app = app

    @cached_property
    def checked(self) -> Application:
        from tm_review.approvals import Approvals

        return Approvals(self.app)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_answer = scope["type"] == "http" and scope["method"] == "PATCH" and "/hitlDetails" in scope["path"]
        await (self.checked if is_answer else self.app)(scope, receive, send)


class TmReviewPlugin(AirflowPlugin):
    """Pages for reviewers and operators, inside the Airflow UI."""

    name = "tm_review"
    fastapi_apps = [{"name": "TM review", "app": LateApplication(), "url_prefix": PREFIX}]  # noqa: RUF012 - Airflow's
    fastapi_root_middlewares = [{"name": "TM approvals", "middleware": LateApprovals}]  # noqa: RUF012 - Airflow's
    external_views = [  # noqa: RUF012 - Airflow's attributes
        {
            "name": "TM review",
            "href": f"{BASE}{PREFIX}/",
            "url_route": "tm-review",
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{BASE}{PREFIX}/static/icon.svg",
        },
        {
            "name": "TM plan",
            "href": f"{BASE}{PREFIX}/plan",
            "url_route": "tm-plan",
            "destination": "nav",
            "category": "browse",
        },
    ]
