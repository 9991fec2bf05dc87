"""Any sentence-transformers model that lies in a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tm_align.beads import Fact
from tm_align.encode.device import import_torch, model_sha256, torch_device
from tm_align.progress import progress
from tm_core.errors import AlignmentInputError, DeviceUnavailable
from tm_core.settings import Device

BATCH_LINES = 256
"""Lines encoded at a time; the model sorts them by length within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceTransformerModel:
    """A model on one device; ``load`` makes it."""

    model: Any
    facts: Mapping[str, Fact]

    @classmethod
    def load(cls, folder: Path, *, device: Device = Device.CPU) -> "SentenceTransformerModel":
        """Load a model from its folder. Nothing is downloaded.

        Raises:
            DeviceUnavailable: the library or the device is not there.
            AlignmentInputError: the folder holds no model.
        """
        torch = import_torch(str(folder))
        target, device_name = torch_device(torch, device)
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise DeviceUnavailable(
                f"encoder '{folder}': expected sentence-transformers, it is not installed here ({error}). "
                "Install it beside PyTorch. Nothing has been aligned."
            ) from error
        try:
            model = SentenceTransformer(str(folder), device=str(target), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise AlignmentInputError(
                f"{folder}: expected a sentence-transformers model, it cannot be loaded ({error}). "
                "Nothing has been aligned."
            ) from error
        if device is Device.CUDA:
            model = model.half()
        files = [path for path in folder.rglob("*") if path.is_file()]
        facts: dict[str, Fact] = {"encoder": folder.name, "model": model_sha256(files), "device": device_name}
        return cls(model=model, facts=facts)

    def encode(self, lines: Sequence[str]) -> NDArray[np.float16]:
        """One vector per line, shape (lines, dimension), float16."""
        # Longest first over all lines, not only within a batch: little padding.
        order = sorted(range(len(lines)), key=lambda number: -len(lines[number]))
        batches = [order[start : start + BATCH_LINES] for start in range(0, len(order), BATCH_LINES)]
        out = np.zeros((len(lines), int(self.model.get_sentence_embedding_dimension())), np.float16)
        steps = ((len(batch), batch) for batch in batches)
        for batch in progress(steps, total=len(lines), label="encoding"):
            out[batch] = self.model.encode([lines[number] for number in batch], batch_size=BATCH_LINES)
        return out
