"""Airflow adapters of tm-refinery: thin, one concern a module."""
