"""``python warm.py SOCKET``: runs the project's commands as forks of one process that has imported everything.

A refresh is twelve commands, and importing Great Expectations, pandas and numba costs each of them up to six
CPU-seconds. The forks are processes of their own, with their own environment and file descriptors: they can be
killed, they end, and nothing that one does reaches another. One test runs the installed programs instead.

A request is one JSON object with argv and env, and three file descriptors; the answers are one JSON object a line:
``{"pid": …}`` when the command runs, ``{"status": …}`` when it has ended, negative for a signal as in subprocess.
"""

import json
import os
import select
import signal
import socket
import sys
import traceback
from importlib import import_module

_IMPORTED = (
    "great_expectations pandas tm_align.cli tm_align.cli_shard tm_align.embedding tm_align.encode.lexicon_encoder "
    "tm_align.langid tm_align.lexical tm_align.work tm_store.backup tm_store.cli tm_store.deposit tm_store.explain "
    "tm_store.gate tm_store.refresh tm_store.report"
).split()


def _preload() -> None:
    for name in _IMPORTED:
        import_module(name)
    from tm_align.embedding import align_embedding
    from tm_align.encode import load_encoder
    from tm_align.langid import LanguageIdentifier
    from tm_align.lexical import align_lexical

    # The language model and the compiled kernels, which every shard would load again.
    LanguageIdentifier()
    src, tgt = ["Good morning.", "It rains."], ["Guten Morgen.", "Es regnet."]
    align_lexical(src, tgt, src_lang="en", tgt_lang="de")
    align_embedding(src, tgt, encoder=load_encoder("lexicon", src_lang="en", tgt_lang="de"))


def _become(request: dict, descriptors: list[int]) -> int:
    """Run the command in this fork; what it would return from main is the status."""
    os.setsid()
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ.update(request["env"])
    program, *arguments = request["argv"]
    if program == "tm":
        from tm_store.cli import main
    else:
        from tm_align.cli import main
    return main(arguments)


def _fork(work, *arguments) -> int:
    """Run ``work`` in a child of its own and end it with what it returns."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        status = work(*arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


def _serve(connection: socket.socket) -> int:
    """One request, in a process that waits for it: the command's parent, as a shell would be."""
    text, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 20)
    pid = _fork(_become, json.loads(text), descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(json.dumps({"status": status}).encode() + b"\n")
    return 0


def main() -> None:
    """Import, then serve until standard input ends: with the tests, however they end."""
    _preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that serve
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(64)
    print("ready", flush=True)
    while listening in select.select([0, listening], [], [])[0]:
        connection, _ = listening.accept()
        _fork(_serve, connection)
        connection.close()


if __name__ == "__main__":
    main()
