"""The whole stack on one machine without root: Postgres and Airflow as child processes."""
