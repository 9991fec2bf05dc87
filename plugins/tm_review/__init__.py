"""The review page of the Airflow UI: adapters from HTTP to ``tm_store``. No SQL and no rule lives here."""
