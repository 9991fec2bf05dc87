"""The device a neural encoder runs on: the one that was asked for, or an error."""

import hashlib
from pathlib import Path
from typing import Any

from tm_core.errors import DeviceUnavailable
from tm_core.settings import Device


def import_torch(wanted_by: str) -> Any:
    """The module ``torch``.

    Raises:
        DeviceUnavailable: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise DeviceUnavailable(
            f"encoder '{wanted_by}': expected PyTorch, it is not installed here ({error}). "
            "It is kept out of the default installation for its size: install tm-align[laser], or use the GPU image. "
            "Nothing has been aligned."
        ) from error
    return torch


def torch_device(torch: Any, device: Device) -> tuple[Any, str]:
    """The device, and what it calls itself.

    Raises:
        DeviceUnavailable: a GPU was asked for and there is none.
    """
    if device is Device.CPU:
        return torch.device("cpu"), "cpu"
    if not torch.cuda.is_available():
        raise DeviceUnavailable(
            f"device 'cuda': expected a GPU, PyTorch {torch.__version__} sees none. "
            "Most likely the container was started without one, or this PyTorch was built for the processor alone. "
            "Ask for --device cpu if that is wanted. Nothing has been aligned."
        )
    return torch.device("cuda"), f"cuda: {torch.cuda.get_device_name()}"


def model_sha256(paths: list[Path]) -> str:
    """One hash over the files that make a model: names and contents."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            whole.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
