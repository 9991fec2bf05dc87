"""``python serve.py PORT``: Airflow's own API server application with the project's plug-in, on an empty SQLite.

Faster than the whole stack: no migration, no scheduler. Auth, middleware, UI and plug-in are the real ones.
"""

import sys

import uvicorn


def main(port: int) -> None:
    from airflow import models, settings
    from airflow.models.base import Base

    models.import_all_models()
    Base.metadata.create_all(settings.engine)
    from airflow.api_fastapi.app import create_app

    uvicorn.run(create_app(apps="core"), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
