"""Links from a task to pages of the review plug-in."""

from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

#: Where plugins/tm_review_plugin.py serves the gate's pages; tests/operators/test_release.py holds the two together.
GATE_PATH = "/tm-review/gate"


def gate_page(batch_id: str) -> str:
    """Address of the gate's page of a batch; without [api] base_url one that Airflow's own pages understand."""
    return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{GATE_PATH}/{batch_id}"


class GatePageLink(BaseOperatorLink):
    """The gate's page, on every task that has a ``batch_id``; Airflow asks for it when the task has ended."""

    name = "What the gate found"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return gate_page(operator.batch_id)
