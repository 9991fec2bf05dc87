"""LASER2 without fairseq: laser_encoders' weights, read with torch and sentencepiece.

The model (Heffernan, Çelebi & Schwenk 2022, arXiv:2205.12654) is a bidirectional LSTM over sentencepiece tokens; the
vector is the greatest output at any token, component by component. Its text preparation is Moses' punctuation
normalisation and lower case. Facts about the files were taken from laser_encoders 0.0.2.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
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

PAD, END, UNKNOWN = 1, 2, 3
"""Token numbers that LASER fixes, whatever the vocabulary says."""

FIRST_PIECE = 4
"""Number of the first piece of the ``.cvocab`` file."""

BATCH_TOKENS = 12_000
"""Tokens encoded at a time, padding included; LASER's own default."""

# Moses' normalisation of punctuation for English, the setting LASER2 was trained with: what it maps, in its order.
_PUNCTUATION = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\r", ""),
        (r"\(", " ("),
        (r"\)", ") "),
        (r" +", " "),
        (r"\) ([.!:?;,])", r")\1"),
        (r"\( ", "("),
        (r" \)", ")"),
        (r"(\d) %", r"\1%"),
        (r" ([:;])", r"\1"),
        (r"`", "'"),
        (r"''", ' " '),
        (r"[„“”]", '"'),
        (r"–", "-"),
        (r"—", " - "),
        (r" +", " "),
        (r"[´‘‚’]", "'"),
        (r"''", '"'),
        (r"…", "..."),
        (r"\u00a0«\u00a0", ' "'),
        (r"«\u00a0?", '"'),
        (r"\u00a0»\u00a0", '" '),
        (r"\u00a0?»", '"'),
        (r"\u00a0([%:?!;])", r"\1"),
        (r"(nº|,)\u00a0", r"\1 "),
        (r"\u00a0(ºC|cm)", r" \1"),
        (r" +", " "),
        (r'"([,.]+)', r'\1"'),
        (r"(\d)\u00a0(\d)", r"\1.\2"),
    )
)


def prepare(line: str) -> str:
    """A line as LASER2 wants it: punctuation as Moses normalises it, lower case."""
    for pattern, replacement in _PUNCTUATION:
        line = pattern.sub(replacement, line)
    return line.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Laser2:
    """LASER2 on one device; ``load`` makes it."""

    network: Any
    pieces: Any
    numbers: Mapping[str, int]
    device: Any
    facts: Mapping[str, Fact]

    @classmethod
    def load(cls, folder: Path, *, device: Device = Device.CPU) -> "Laser2":
        """Read ``laser2.pt``, ``laser2.spm`` and ``laser2.cvocab``. Nothing is downloaded.

        Half precision on a GPU, single on a processor.

        Raises:
            DeviceUnavailable: a file, a library or the device is not there.
            AlignmentInputError: the files are broken or do not belong together.
        """
        paths = [folder / f"laser2.{suffix}" for suffix in ("pt", "spm", "cvocab")]
        for path in paths:
            if not path.is_file():
                raise DeviceUnavailable(
                    f"{path}: expected LASER2's file, found none. Copy laser2.pt, laser2.spm and laser2.cvocab there; "
                    "nothing is downloaded while documents are aligned. Nothing has been aligned."
                )
        torch = import_torch("laser2")
        target, device_name = torch_device(torch, device)
        state = _read_state(torch, paths[0])
        numbers = dict(state["dictionary"])
        _check_vocabulary(numbers, paths[2])
        network = _make_network(torch, state, paths[0])
        if device is Device.CUDA:
            network = network.half()
        facts: dict[str, Fact] = {
            "encoder": "laser2",
            "model": model_sha256(paths),
            "device": device_name,
            "precision": "float16" if device is Device.CUDA else "float32",
            "torch": str(torch.__version__),
        }
        pieces = _read_pieces(paths[1])
        return cls(network=network.to(target).eval(), pieces=pieces, numbers=numbers, device=target, facts=facts)

    def encode(self, lines: Sequence[str]) -> NDArray[np.float16]:
        """One vector per line, shape (lines, 1024), float16.

        Lines are encoded in batches of like length, so that little is padding.

        Cost: O(tokens) on the device; 2 KB of memory per line.
        """
        tokens = [self._tokens(line) for line in lines]
        out = np.zeros((len(lines), self.network.width), np.float16)
        steps = ((len(batch), batch) for batch in _batches([len(line) for line in tokens]))
        for batch in progress(steps, total=len(lines), label="encoding"):
            out[batch] = self._encode_batch([tokens[number] for number in batch])
        return out

    def _tokens(self, line: str) -> list[int]:
        pieces = self.pieces.encode(prepare(line), out_type=str)
        return [self.numbers.get(piece, UNKNOWN) for piece in pieces] + [END]

    def _encode_batch(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float16]:
        torch = import_torch("laser2")
        padded = np.full((len(tokens), max(map(len, tokens))), PAD, np.int64)
        for row, line in zip(padded, tokens, strict=True):
            row[: len(line)] = line
        with torch.inference_mode():
            vectors = self.network(torch.from_numpy(padded).to(self.device), [len(line) for line in tokens])
        return np.asarray(vectors.float().cpu().numpy(), np.float16)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of lines, longest first, in batches of at most BATCH_TOKENS tokens."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _read_state(torch: Any, path: Path) -> Mapping[str, Any]:
    try:
        # weights_only: a checkpoint is a pickle, and must not be able to run anything.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen classes, from RuntimeError to zipfile's and pickle's own
        raise AlignmentInputError(
            f"{path}: expected LASER2's checkpoint, it cannot be read ({type(error).__name__}). "
            "Most likely the download was cut short: compare its size and hash. Nothing has been aligned."
        ) from error
    if not isinstance(state, dict) or not {"params", "model", "dictionary"} <= set(state):
        raise AlignmentInputError(
            f"{path}: expected the keys params, model and dictionary of an LSTM encoder, found others. "
            "Most likely this is a LASER3 model, which is not supported. Nothing has been aligned."
        )
    return state


def _read_pieces(path: Path) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise DeviceUnavailable(
            f"encoder 'laser2': expected sentencepiece, it is not installed here ({error}). "
            "Install tm-align[laser]. Nothing has been aligned."
        ) from error
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _check_vocabulary(numbers: Mapping[str, int], path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=FIRST_PIECE):
        piece = line.rsplit(" ", 1)[0]
        if numbers.get(piece) != number:
            raise AlignmentInputError(
                f"{path}, line {number - FIRST_PIECE + 1}: expected piece {piece!r} to be number {number}, "
                f"the checkpoint has {numbers.get(piece)}. The files are of different models. Nothing has been aligned."
            )


def _make_network(torch: Any, state: Mapping[str, Any], path: Path) -> Any:
    network = _network_class(torch)(**state["params"])
    try:
        network.load_state_dict(state["model"])
    except RuntimeError as error:
        raise AlignmentInputError(
            f"{path}: expected the weights that its own params describe, found others. "
            "Most likely the file was changed. Nothing has been aligned."
        ) from error
    return network


def _network_class(torch: Any) -> type[Any]:
    """The network; a class made here, because torch is imported only when it is asked for."""

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(
            self,
            num_embeddings: int,
            padding_idx: int,
            embed_dim: int = 320,
            hidden_size: int = 512,
            num_layers: int = 1,
            bidirectional: bool = False,
            left_pad: bool = True,
            padding_value: float = 0.0,
        ) -> None:
            # The names, and left_pad and padding_value, which change nothing, are the checkpoint's own.
            super().__init__()
            self.embed_tokens = torch.nn.Embedding(num_embeddings, embed_dim, padding_idx=padding_idx)
            self.lstm = torch.nn.LSTM(embed_dim, hidden_size, num_layers=num_layers, bidirectional=bidirectional)
            self.width = hidden_size * (2 if bidirectional else 1)

        def forward(self, tokens: Any, lengths: Sequence[int]) -> Any:
            embedded = self.embed_tokens(tokens).transpose(0, 1)
            packed = torch.nn.utils.rnn.pack_padded_sequence(embedded, list(lengths))
            # Padding comes back as -inf, so that it is never the greatest.
            outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], padding_value=float("-inf"))
            return outputs.max(dim=0).values

    return Network
