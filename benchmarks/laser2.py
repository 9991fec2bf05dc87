"""LASER2's speed on this machine's device, with weights of LASER2's shape and random values.

``python benchmarks/laser2.py [cpu|cuda] [SENTENCES]`` prints sentences a second and the greatest difference that half
precision makes. The real weights are no part of the project; speed does not depend on their values.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch

from tm_align.encode.laser2 import Laser2
from tm_core.settings import Device

# The shape of laser2.pt: 50,004 pieces, 5 bidirectional layers of 512, vectors of 1,024.
PARAMS = {
    "num_embeddings": 50_004, "padding_idx": 1, "embed_dim": 320, "hidden_size": 512, "num_layers": 5,
    "bidirectional": True, "left_pad": True, "padding_value": 0.0,
}  # fmt: skip


def checkpoint(folder: Path, rng: random.Random) -> list[str]:
    """A checkpoint of LASER2's shape, and sentences of its vocabulary."""
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(4_000)]
    sentences = [" ".join(rng.choices(words, k=min(80, 3 + int(rng.expovariate(1 / 15))))) for _ in range(20_000)]
    (folder / "text").write_text("\n".join(sentences[:5_000]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "laser2"), vocab_size=4_000, minloglevel=2
    )
    (folder / "laser2.model").rename(folder / "laser2.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "laser2.spm"))
    names = [pieces.id_to_piece(number) for number in range(3, pieces.get_piece_size())]
    (folder / "laser2.cvocab").write_text("".join(f"{name} 1\n" for name in names), encoding="utf-8")
    numbers = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {name: k for k, name in enumerate(names, start=4)}
    torch.manual_seed(0)
    embed = torch.nn.Embedding(PARAMS["num_embeddings"], PARAMS["embed_dim"], padding_idx=1)
    lstm = torch.nn.LSTM(PARAMS["embed_dim"], PARAMS["hidden_size"], num_layers=5, bidirectional=True)
    model = {f"embed_tokens.{name}": value for name, value in embed.state_dict().items()}
    model |= {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    torch.save({"params": PARAMS, "model": model, "dictionary": numbers}, folder / "laser2.pt")
    return sentences


def main() -> None:
    device = Device(sys.argv[1]) if len(sys.argv) > 1 else Device.CPU
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    with tempfile.TemporaryDirectory() as scratch:
        sentences = checkpoint(Path(scratch), random.Random(0))[:wanted]
        model = Laser2.load(Path(scratch), device=device)
        model.encode(sentences[:256])  # the device's first call is slower
        began = time.perf_counter()
        vectors = model.encode(sentences)
        seconds = time.perf_counter() - began
        print({name: model.facts[name] for name in ("device", "precision", "torch")})
        print(f"{len(sentences):,} sentences in {seconds:.2f} s: {len(sentences) / seconds:,.0f} a second")
        exact = Laser2.load(Path(scratch), device=Device.CPU).encode(sentences[:200]).astype(np.float32)
        found = vectors[:200].astype(np.float32)
        cosines = (exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
        print(f"cosine to single precision on the processor: at least {cosines.min():.5f}")


if __name__ == "__main__":
    main()
