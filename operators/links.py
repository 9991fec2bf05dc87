"""Links from a task to pages of the review plug-in."""

from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

#: Where plugins/tm_review_plugin.py serves the gate's pages; tests/operators/test_release.py holds the two together.
GATE_PATH = "/tm-review/gate"
#: And what a refresh would do; tests/plugins/test_plan_page.py holds the two together.
PLAN_PATH = "/tm-review/plan"


def gate_page(batch_id: str) -> str:
    """Address of the gate's page of a batch; without [api] base_url one that Airflow's own pages understand."""
    return f"{_base_url()}{GATE_PATH}/{batch_id}"


def plan_page() -> str:
    """Address of the page that tells what a refresh would do."""
    return f"{_base_url()}{PLAN_PATH}"


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")


class GatePageLink(BaseOperatorLink):
    """The gate's page, on every task that has a ``batch_id``; Airflow asks for it when the task has ended."""

    name = "What the gate found"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return gate_page(operator.batch_id)
