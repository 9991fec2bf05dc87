"""The gold probe: a tiny alignment with a known answer, made before any data is touched.

A broken build, a model that was cut short or a device that computes nonsense gives vectors and scores like any other,
and beads that look like beads. Here it gives a low F1, and the pod stops.
"""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tm_align.auto import align
from tm_align.beads import Alignment
from tm_align.encode import Encoder
from tm_align.lexicon import Lexicon
from tm_align.score import GoldBead, indices, score
from tm_core.errors import DeviceUnavailable
from tm_core.rules import Tier
from tm_core.settings import Device

#: Least strict F1 on the probe. On a sound machine tier 1 has 1.0 and tier 2 .92; random vectors have .15 to .5.
FLOOR = 0.8
_PACKAGES = ("tm-align", "tm-core", "tm-formats", "numpy", "numba", "torch")

# English, German, and the beads between them. Three English segments near the beginning and three German ones near the
# end have no counterpart, so that nobody gets it right by counting.
_EN = (
    "The kettle holds 1.7 litres.",
    "This leaflet was printed in Ireland on recycled paper, and further copies can be had from any of our 12 shops.",
    "Ask for number 4471, which is also shown on the back of the box in which your purchase was delivered to you.",
    "Prices include tax.",
    "Fill it with cold water and put it on its base.",
    "It switches itself off when the water boils.",
    "Never open the lid while the water is boiling.",
    "Clean the filter once a week.",
    "Use a soft cloth, and no sharp tools.",
    "Vinegar removes the lime: fill in 200 ml, wait 30 minutes, and rinse the kettle twice.",
    "Do not pull the cable.",
    "If the lamp blinks red, the kettle is too hot.",
    "Wait until it is blue again.",
    "The guarantee ends on 31 December 2027.",
)
_DE = (
    "Der Wasserkocher fasst 1,7 Liter.",
    "Füllen Sie kaltes Wasser ein und stellen Sie ihn auf den Sockel.",
    "Er schaltet sich ab, sobald das Wasser kocht.",
    "Öffnen Sie den Deckel niemals, während das Wasser kocht.",
    "Reinigen Sie den Filter einmal in der Woche.",
    "Nehmen Sie ein weiches Tuch und kein scharfes Werkzeug.",
    "Essig entfernt den Kalk: Füllen Sie 200 ml ein, warten Sie 30 Minuten.",
    "Spülen Sie den Wasserkocher zweimal aus.",
    "Ziehen Sie nicht am Kabel.",
    "Blinkt die Lampe rot, ist der Wasserkocher zu heiß.",
    "Warten Sie, bis sie wieder blau ist.",
    "Altgeräte gehören nicht in den Hausmüll, sondern werden von jeder Sammelstelle Ihrer Gemeinde angenommen.",
    "Die Batterien der Fernbedienung enthalten kein Quecksilber und dürfen nur leer und abgeklebt abgegeben werden.",
    "Fragen Sie Ihren Händler nach Einzelheiten.",
    "Die Garantie endet am 31. Dezember 2027.",
)
_GOLD: tuple[GoldBead, ...] = (
    ((0,), (0,)),
    *(((alone,), ()) for alone in (1, 2, 3)),
    *(((number + 3,), (number,)) for number in (1, 2, 3, 4, 5)),
    ((9,), (6, 7)),
    *(((number + 2,), (number,)) for number in (8, 9, 10)),
    *(((), (alone,)) for alone in (11, 12, 13)),
    ((13,), (14,)),
)
_WORDS = (
    "kettle Wasserkocher|litres Liter|water Wasser|cold kaltes|base Sockel|boils kocht|boiling kocht|open Öffnen|"
    "lid Deckel|never niemals|clean Reinigen|filter Filter|week Woche|once einmal|soft weiches|cloth Tuch|"
    "tools Werkzeug|sharp scharfes|vinegar Essig|lime Kalk|removes entfernt|wait warten|minutes Minuten|twice zweimal|"
    "rinse Spülen|pull Ziehen|cable Kabel|lamp Lampe|blinks Blinkt|red rot|hot heiß|blue blau|again wieder|"
    "guarantee Garantie|ends endet|December Dezember|write Schreiben|call rufen|fill Füllen|off ab|until bis|not nicht"
)


def probe(tier: Tier, encoder: Encoder | None, wanted: Device) -> dict[str, Any]:
    """Align the probe as the tier would, without a hint of the other tier.

    Args:
        encoder: tier 2's; None for the one that hashes words, which gets a lexicon of the probe's own.
        wanted: the device that was asked for.

    Returns:
        ``probe_f1`` (strict, 0 to 1) and, of tier 2, what the encoder says of itself.

    Raises:
        DeviceUnavailable: the F1 is under :data:`FLOOR`, or the encoder runs elsewhere than wanted. No data was read.

    Cost: milliseconds, once the kernels are loaded.
    """
    found = align(
        _EN, _DE, src_lang="en", tgt_lang="de", tier=tier.value, lexicon=_lexicon() if encoder is None else None,
        encoder=encoder,
    )  # fmt: skip
    _check_device(found, encoder, wanted)
    f1 = round(score(_GOLD, indices(found.beads)).f1_strict, 4)
    if f1 < FLOOR:
        raise DeviceUnavailable(
            f"gold probe of tier '{tier}': expected a strict F1 of {FLOOR} or more on 12 known sentences, found {f1}. "
            "The build, the model or the device computes something else than the aligner that was released. "
            "Replace the image or the node; no data was read."
        )
    return {"probe_f1": f1} | {name: found.details[name] for name in ("encoder", "device") if name in found.details}


def _lexicon() -> Lexicon:
    pairs = (pair.split() for pair in _WORDS.split("|"))
    return Lexicon(src_lang="en", tgt_lang="de", weights={(en.lower(), de.lower()): 1.0 for en, de in pairs})


def _check_device(found: Alignment, encoder: Encoder | None, wanted: Device) -> None:
    device = str(found.details.get("device", "cpu"))
    # The encoder that hashes words has no other device than the CPU.
    if encoder is not None and not device.startswith(wanted):
        raise DeviceUnavailable(
            f"TM_DEVICE is '{wanted}', the encoder runs on '{device}'. There is no fallback: give the pod what it asks "
            "for, or ask for what it has. No data was read."
        )


def machine(device: Device) -> dict[str, Any]:
    """What the shard runs on: platform, the GPU's driver, package versions."""
    found = {"platform": f"{platform.machine()} Python {platform.python_version()}", "versions": _versions()}
    return found | ({"driver": _driver()} if device is Device.CUDA else {})


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # torch, in images for the CPU
            continue
    return found


def _driver() -> str:
    """The NVIDIA driver's version, as its own program says it; "" where there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, env=dict(os.environ))
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip().splitlines()[0] if said.stdout.strip() else ""
