"""Faults inside a pod: a ``sitecustomize`` that its Python imports before anything else, mounted like the checkout.

The project's own code knows nothing of it. Variables of the pod: TM_TEST_SLOW (seconds per document), TM_TEST_START
(seconds before the first), TM_TEST_HOG (MiB held), TM_TEST_CRASH (key of a document that ends the process by SIGSEGV),
TM_TEST_EXIT (status with which it ends at once), TM_TEST_SEGFAULT (it ends at once by SIGSEGV).
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "in_pod"


def inject(batch: Any, **faults: str) -> None:
    """Give the batch's pods these faults."""
    path = batch.settings.pods
    text = re.sub(r"\n\[env\][^\[]*", "\n", path.read_text())
    env = {"PYTHONPATH": str(FOLDER)} | {f"TM_TEST_{name.upper()}": value for name, value in faults.items()}
    lines = "\n".join(f'{name} = "{value}"' for name, value in env.items())
    new = path.with_name(f"{path.stem}-{abs(hash(lines)) % 10**8}.toml")
    new.write_text(f"{text.rstrip()}\n[env]\n{lines}\n")
    batch.settings = dataclasses.replace(batch.settings, pods=new)
