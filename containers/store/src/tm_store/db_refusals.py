"""Why a server has let nobody in: what its message means, and the next step for each.

libpq hands on no SQLSTATE of a connection that was not made, so the words are looked at. They are those of Postgres 16
to 18 and of libpq; a server that speaks another language is told apart no further than "cannot be reached".
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One kind of refusal.

    Attributes:
        words: a regular expression that finds it in the message.
        found: what is wrong, for people.
        next_step: what to do about it.
    """

    words: str
    found: str
    next_step: str


# The more special ones first: a server that wants TLS says so in its words about pg_hba.conf.
REFUSALS = (
    Refusal(
        words=r"no pg_hba\.conf entry for .*(no encryption|SSL off)",
        found="the server lets this login in over TLS alone, and the connection has none",
        next_step="Add ?sslmode=require to the URL, better sslmode=verify-full with sslrootcert (docs/deployment.md)",
    ),
    Refusal(
        words=r"no pg_hba\.conf entry for|pg_hba\.conf rejects connection",
        found="the server's pg_hba.conf lets no such login in from this machine",
        next_step="Add a line for this role, database and address to pg_hba.conf and reload the server, or connect "
        "from where it is allowed",
    ),
    Refusal(
        words=r"server does not support SSL, but SSL was required",
        found="the connection demands TLS, and the server has none",
        next_step="Switch TLS on in the server (ssl = on), or correct sslmode in the URL",
    ),
    Refusal(
        words=r"certificate verify failed|server certificate for .* does not match|root certificate file .* does not "
        r"exist|could not read root certificate|SSL error|certificate authentication failed|valid client certificate",
        found="the TLS connection was refused: the certificates do not fit",
        next_step="Correct sslrootcert, or write the host in the URL as the certificate names it (docs/deployment.md)",
    ),
    Refusal(
        words=r"password authentication failed|no password supplied|authentication failed for user",
        found="the password is wrong, or the server knows no such role: it does not say which",
        next_step="Correct user and password in the URL; as a superuser: alter role … password '…'",
    ),
    Refusal(
        words=r'role "[^"]*" does not exist',
        found="the server knows no such role",
        next_step="Correct the user in the URL; as a superuser: create role … login password '…' (`tm roles --sql` "
        "prints the groups it has to be in)",
    ),
    Refusal(
        words=r"is not permitted to log in",
        found="this role may not log in: tm_owner, tm_loader and tm_reader are groups",
        next_step="Name a login that is a member of one of them; as a superuser: create role … login in role tm_loader",
    ),
    Refusal(
        words=r'database "[^"]*" does not exist',
        found="the server is there and has no such database",
        next_step="Correct the database's name at the end of the URL, or make it (createdb NAME) and run `tm migrate`; "
        "one that was lost comes back by `tm restore`",
    ),
    Refusal(
        words=r"permission denied for database|User does not have CONNECT privilege",
        found="this role may not connect to the database",
        next_step="As a superuser: grant connect on database … to …",
    ),
    Refusal(
        words=r"invalid integer value|invalid port number|invalid \S+ value|invalid percent-encoded token",
        found="a part of the URL cannot be used",
        next_step="Correct it; characters such as @ : / # ? in a password are written as %40 %3A %2F %23 %3F",
    ),
    Refusal(
        words=r"too many (clients|connections)|remaining connection slots are reserved",
        found="the server, the role or the database has as many connections as it may have",
        next_step="Wait, end some (pg_stat_activity shows them), or raise max_connections, then run it again",
    ),
)


def find_refusal(text: str) -> Refusal | None:
    """Find the kind of refusal that a message is about; None: another, or the server cannot be reached."""
    return next((refusal for refusal in REFUSALS if re.search(refusal.words, text, re.DOTALL)), None)
