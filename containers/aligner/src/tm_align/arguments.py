"""Types of arguments that several commands take."""

import argparse
import re
from typing import Final

from tm_core.errors import BadName
from tm_core.languages import canonical

_THREE_LETTERS: Final = re.compile(r"([A-Za-z]{3})((?:[-_].*)?)")
_MEANT: Final = {
    "arabic": "ar", "bulgarian": "bg", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en",
    "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu",
    "icelandic": "is", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "norwegian": "no",
    "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es",
    "swedish": "sv", "thai": "th", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
    "cn": "zh", "cz": "cs", "dk": "da", "gr": "el", "jp": "ja", "us": "en",
}  # fmt: skip
"""What is given for a code, and the code that is meant: English names, and codes of countries."""


def language_code(text: str) -> str:
    """Read a language code and write it the usual way: ``pt_br`` becomes ``pt-BR``.

    Every three-letter code is one: ISO 639-3 has 7,900. ``tm_core.languages`` knows few of them, because it looks for
    languages in the names of files, where short words that are codes too (``new``, ``bin``) mean something else.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        if found := _THREE_LETTERS.fullmatch(text):
            # Script and region are written alike behind every language.
            return found[1].lower() + canonical(f"en{found[2]}").removeprefix("en")
        return canonical(text)
    except BadName as error:
        meant = _MEANT.get(text.lower())
        raise argparse.ArgumentTypeError(
            f"expected a language code of ISO 639 such as de, pt-BR or yue, found {text!r}"
            + (f"; most likely {meant} is meant" if meant else "")
        ) from error
