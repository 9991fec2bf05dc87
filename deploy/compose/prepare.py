"""What the compose stack needs before Airflow starts: logins, schemas, bucket, the admin's password.

Runs at every start, in order, and changes only what is missing or was rotated in .env. Started by docker-compose.yaml.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import boto3
import psycopg
from psycopg import sql

#: Setting with the login's URL, and the group that it is a member of (docs/security.md).
LOGINS = {
    "TM_DATABASE_OWNER_URL": "tm_owner",
    "TM_DATABASE_URL": "tm_loader",
    "TM_DATABASE_READ_URL": "tm_reader",
}


def main() -> int:
    """Prepare; the first thing that fails ends it, and the stack does not start."""
    logins()
    bucket()
    subprocess.run(["tm", "migrate"], check=True)
    large_objects()
    subprocess.run(["airflow", "db", "migrate"], check=True)
    passwords()
    return 0


def logins() -> None:
    """Logins of the memory's database with the passwords of .env, each in its group; the owner owns the database."""
    with psycopg.connect(os.environ["MEMORY_ADMIN_URL"], autocommit=True) as connection:
        for setting, group in LOGINS.items():
            url = urlsplit(os.environ[setting])
            login, password = unquote(url.username or ""), unquote(url.password or "")
            _role(connection, group, sql.SQL("nologin"))
            _role(connection, login, sql.SQL("login password {}").format(password))
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(login)))
        owner = urlsplit(os.environ["TM_DATABASE_OWNER_URL"])
        # A restore is tried in a scratch database: the owner may make one. Its swap ends sessions that only wait.
        connection.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(owner.username or "")))
        connection.execute(sql.SQL("grant pg_signal_backend to {}").format(sql.Identifier(owner.username or "")))
        database = sql.Identifier(owner.path.lstrip("/"))
        connection.execute(
            sql.SQL("alter database {} owner to {}").format(database, sql.Identifier(owner.username or ""))
        )


def _role(connection: psycopg.Connection[tuple[object, ...]], name: str, rights: sql.Composable) -> None:
    known = connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone() is not None
    verb = sql.SQL("alter" if known else "create")
    connection.execute(sql.SQL("{} role {} {}").format(verb, sql.Identifier(name), rights))


def bucket() -> None:
    """The bucket, with versions: what is overwritten or deleted by mistake can be fetched back."""
    name = urlsplit(os.environ["TM_STORAGE"]).netloc
    client = boto3.client("s3")
    if name not in {one["Name"] for one in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def large_objects() -> None:
    """Take from the memory's logins what only a superuser can; a restored database has it until the next start."""
    path = urlsplit(os.environ["TM_DATABASE_OWNER_URL"]).path
    admin = urlsplit(os.environ["MEMORY_ADMIN_URL"])._replace(path=path).geturl()
    subprocess.run(["tm", "roles"], check=True, env=os.environ | {"TM_DATABASE_OWNER_URL": admin})


def passwords() -> None:
    """The admin's password, in the file that Airflow's simple auth manager reads."""
    path = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    path.write_text(json.dumps({"admin": os.environ["ADMIN_PASSWORD"]}), encoding="utf-8")
    path.chmod(0o600)


if __name__ == "__main__":
    sys.exit(main())
