"""LASER2 on a tiny checkpoint in the format of laser_encoders, made here."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: LASER2 is tested where it is (tm-align[laser])")
sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (tm-align[laser])")

from tm_align.cli import main  # noqa: E402
from tm_align.encode import laser2, load_encoder  # noqa: E402
from tm_align.encode.laser2 import END, PAD, UNKNOWN, Laser2, prepare  # noqa: E402
from tm_core.errors import AlignmentInputError, DeviceUnavailable  # noqa: E402
from tm_core.settings import Device  # noqa: E402

PARAMS = {
    "num_embeddings": 64,
    "padding_idx": PAD,
    "embed_dim": 8,
    "hidden_size": 16,
    "num_layers": 2,
    "bidirectional": True,
    "left_pad": True,
    "padding_value": 0.0,
}
LINES = ["Der Hund bellt.", "Die Katze", "", "Das Haus ist groß und alt und leer.", "xyz ☃"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("laser2")
    rng = random.Random(0)
    words = ["der", "hund", "bellt", "die", "katze", "das", "haus", "ist", "groß", "und", "alt", "leer", "."]
    (path / "text").write_text("\n".join(" ".join(rng.choices(words, k=8)) for _ in range(300)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(path / "text"), model_prefix=str(path / "laser2"), vocab_size=34, minloglevel=2
    )
    (path / "laser2.model").rename(path / "laser2.spm")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path / "laser2.spm"))
    pieces = [processor.id_to_piece(number) for number in range(3, processor.get_piece_size())]
    (path / "laser2.cvocab").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    numbers = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {piece: k for k, piece in enumerate(pieces, start=4)}
    torch.manual_seed(0)
    embed = torch.nn.Embedding(PARAMS["num_embeddings"], PARAMS["embed_dim"], padding_idx=PAD)
    lstm = torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
    model = {f"embed_tokens.{name}": value for name, value in embed.state_dict().items()}
    model |= {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    torch.save({"params": PARAMS, "model": model, "dictionary": numbers}, path / "laser2.pt")
    return path


@pytest.fixture(scope="module")
def model(folder):
    return Laser2.load(folder)


def by_hand(folder, line):
    """The vector of one line, with nothing but the LSTM: no batch, no padding."""
    state = torch.load(folder / "laser2.pt", weights_only=True)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "laser2.spm"))
    pieces = processor.encode(prepare(line), out_type=str)
    tokens = [state["dictionary"].get(piece, UNKNOWN) for piece in pieces] + [END]
    lstm = torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True)
    lstm.load_state_dict({n.removeprefix("lstm."): v for n, v in state["model"].items() if n.startswith("lstm.")})
    with torch.inference_mode():
        outputs, _ = lstm(state["model"]["embed_tokens.weight"][tokens].unsqueeze(1))
    return outputs[:, 0].max(dim=0).values.numpy()


def test_a_batch_gives_what_each_line_gives_alone(folder, model):
    found = model.encode(LINES)
    assert found.shape == (5, 32)
    for vector, line in zip(found, LINES, strict=True):
        assert np.allclose(vector, by_hand(folder, line), atol=2e-3)


def test_the_order_of_lines_changes_nothing(model):
    assert np.allclose(model.encode(LINES), model.encode(LINES[::-1])[::-1], atol=1e-3)


def test_batches_hold_lines_of_like_length(monkeypatch):
    monkeypatch.setattr(laser2, "BATCH_TOKENS", 10)
    batches = list(laser2._batches([2, 9, 3, 5, 4, 30]))
    assert batches == [[5], [1], [3, 4], [2, 0]]
    assert sorted(number for batch in batches for number in batch) == list(range(6))


@pytest.mark.parametrize(
    ("line", "prepared"),
    [
        ("„Das“ — ist…", '"das" - ist...'),
        ("« Bonjour »", '" bonjour "'),
        ("(Wort)Wort", "(wort) wort"),
        ("l’été ‘quoté’", "l'été 'quoté'"),
        ("50 % von ISO 9001 : ja", "50% von iso 9001: ja"),
        ('Er sagte: "Nein", dann', 'er sagte: "nein," dann'),
    ],
)
def test_punctuation_is_prepared_as_moses_does(line, prepared):
    assert prepare(line).strip() == prepared


def test_it_says_what_it_ran_on(model):
    assert model.facts["encoder"] == "laser2"
    assert model.facts["device"] == "cpu"
    assert model.facts["precision"] == "float32"
    assert len(model.facts["model"]) == 64


def test_documents_align_with_it(folder):
    encoder = load_encoder("laser2", src_lang="de", tgt_lang="fr", model_dir=folder)
    src, tgt = encoder.encode_pair(LINES, LINES, runs=3)
    assert np.array_equal(src.gather(src.rows), tgt.gather(tgt.rows))


def test_encode_writes_vecaligns_vectors(folder, tmp_path):
    (tmp_path / "lines").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    for name in ("v.emb", "v.npy"):
        command = ["encode", str(tmp_path / "lines"), "--encoder", "laser2", "--model-dir", str(folder)]
        assert main([*command, "-o", str(tmp_path / name)]) == 0
    raw = np.fromfile(tmp_path / "v.emb", np.float32).reshape(5, 32)
    assert np.allclose(raw, np.load(tmp_path / "v.npy"), atol=1e-3)


def test_a_gpu_that_is_not_there_is_an_error(folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU: nothing is missing")
    with pytest.raises(DeviceUnavailable, match="sees none"):
        Laser2.load(folder, device=Device.CUDA)


def test_a_gpu_gives_the_vectors_of_the_processor(folder, model):
    if not torch.cuda.is_available():
        pytest.skip("no GPU here: half precision is tested where there is one")
    gpu = Laser2.load(folder, device=Device.CUDA)
    assert gpu.facts["precision"] == "float16"
    assert str(gpu.facts["device"]).startswith("cuda: ")
    assert np.allclose(gpu.encode(LINES), model.encode(LINES), atol=5e-3)


@pytest.fixture
def copy(folder, tmp_path):
    for name in ("laser2.pt", "laser2.spm", "laser2.cvocab"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return tmp_path


def test_a_truncated_checkpoint_is_refused(copy):
    (copy / "laser2.pt").write_bytes((copy / "laser2.pt").read_bytes()[:-500])
    with pytest.raises(AlignmentInputError, match=r"laser2\.pt: .*cut short"):
        Laser2.load(copy)


def test_a_checkpoint_that_runs_code_is_refused(copy):
    import pickle

    class Evil:
        def __reduce__(self):
            return print, ("this must never run",)

    torch.save({"params": Evil(), "model": {}, "dictionary": {}}, copy / "laser2.pt", pickle_module=pickle)
    with pytest.raises(AlignmentInputError, match="cannot be read"):
        Laser2.load(copy)


def test_another_kind_of_model_is_refused(copy):
    torch.save({"cfg": {}, "model": {}}, copy / "laser2.pt")
    with pytest.raises(AlignmentInputError, match="LASER3"):
        Laser2.load(copy)


def test_a_vocabulary_of_another_model_is_refused(copy):
    lines = (copy / "laser2.cvocab").read_text(encoding="utf-8").splitlines()
    (copy / "laser2.cvocab").write_text("\n".join([lines[1], lines[0], *lines[2:]]), encoding="utf-8")
    with pytest.raises(AlignmentInputError, match="of different models"):
        Laser2.load(copy)


def test_weights_of_another_size_are_refused(copy):
    state = torch.load(copy / "laser2.pt", weights_only=True)
    torch.save(state | {"params": PARAMS | {"hidden_size": 17}}, copy / "laser2.pt")
    with pytest.raises(AlignmentInputError, match="its own params describe"):
        Laser2.load(copy)
