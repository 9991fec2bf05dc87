"""``python serve.py PORT ROUTES``: Airflow's own API server application with the project's plug-in, on an empty SQLite.

Faster than the whole stack: no migration, no scheduler. Auth, middleware, UI and plug-in are the real ones. What routes
the plug-in has is written to the file ROUTES as JSON, so that a test can walk over all of them.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn


def routes_of(app: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route below an application; ("MOUNT", path) of what is mounted there."""
    for route in app.routes:
        path = prefix + getattr(route, "path", "")
        if hasattr(route, "methods"):
            yield from ((method, path) for method in sorted(route.methods - {"HEAD"}))
        elif hasattr(route, "routes") and not hasattr(route, "app"):
            yield from routes_of(route, path)
        else:
            yield "MOUNT", path


def main(port: int, routes: Path) -> None:
    from airflow import models, settings
    from airflow.models.base import Base

    models.import_all_models()
    Base.metadata.create_all(settings.engine)
    from airflow.api_fastapi.app import create_app

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.plugins.questions_made import make

    make()
    app = create_app(apps="core")
    (mounted,) = (route.app for route in app.routes if getattr(route, "path", "") == "/tm-review")
    routes.write_text(json.dumps(list(routes_of(mounted.application))))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
