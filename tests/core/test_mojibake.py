"""The mojibake rule: silent on correct text of many languages, awake on the same text encoded twice."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.identity import normalise
from tm_core.rules import RULES, Candidate, Rule, Thresholds, Tier

# Sentences that hold every accented letter of their language (checked below).
LETTERS = {
    "fr": "àâæçéèêëîïôœùûüÿ",
    "vi": "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ",
    "pt": "áàâãçéêíóôõúü",
    "is": "áðéíóúýþæö",
    "pl": "ąćęłńóśźż",
    "ro": "ăâîșț",
    "tr": "çğıöşüâîû",
    "es": "áéíñóúü",
    "de": "äöüß",
    "cs": "áčďéěíňóřšťúůýž",
    "sv": "åäö",
    "cy": "âêîôûŵŷ",
    "sk": "áäčďéíĺľňóôŕšťúýž",
}
SENTENCES = {
    "fr": (
        "À Noël, l’œuvre naïve du maître fût reçue là où l’été s’achève : « Ça, c’est gênant », dit Lætitia.",
        "Le curé de L’Haÿ a bâti un abri près du chêne ; un hôte, un capharnaüm, une île, des maïs, août…",
    ),
    "vi": (
        "Đà Lạt đã vào mùa; cả gia đình ăn bữa tối, rồi kể chuyện về những bà mẹ đẹp và khỏe, sẽ cẩn thận, hẹn gặp.",
        "Vẫn còn chiếc ghế ở chỗ cũ: lũ trẻ vẽ, nghỉ hè, ngủ kỹ, mỹ thuật, kỷ niệm, quý giá, lỵ, bé tên, cân, bấm, cô.",
        "Lắng nghe: rằng trời hửng nắng, ngỡ ngàng, chợ, nhớ, hở, cỗ, lẫn, để, tìm, ngõ, hỏi, xuống, tử tế.",
        "Cá, cằm, cẳng, lẵng, chặt, ầm, ẩm, ngậm, ẻ, ẽ, hẹ, lễ, lệ, lì, chí, nghỉ, nghĩ, thị, lò, bó, bỏ, gõ, họ, ồ.",
        "Hổ, tổ, hộ, bơ, mờ, mở, lỡ, đợi, lù, cú, củ, mũ, cụ, tư, từ, thứ, nữ, tự, tỳ, mỳ, lý, mỷ, mỹ, ặ, ố, ớ.",
    ),
    "pt": (
        "NÃO HÁ MANHÃ SEM AÇÃO, disse a avó à irmã: é você que lê três lições às nove.",
        "Ninguém pôs o pinguim no avião; o Müller só viu órgãos, corações, países, túneis e limões; âncora à tarde.",
    ),
    "is": (
        "Ðað er ekki upphafsstafur, en Þórður á borð við fjörð og sér því nýja hús sitt í ró.",
        "Maður úr Æðey fór í ferð; ÞAÐ VAR BORÐ „úti“ á Öxnadalsheiði í fyrra vor.",
    ),
    "pl": (
        "Zażółć gęślą jaźń: będę się śmiać, choć łódź wciąż tonie.",
        "Źdźbło trawy, ćma i pięć żółwi są gdzieś w ŁODZI.",
    ),
    "ro": (
        "În România, câinele și pisica mănâncă împreună; ÎNTR-O ȚARĂ MARE CÂND PLOUĂ, litera Â e rară.",
        "Știința și țăranul: hotărâre, așa și așa, ţară, şi.",
    ),
    "tr": (
        "Şu ağaç hâlâ yeşil; kâğıt ve rüzgâr, İstanbul’da ılık bir gün, çok özel.",
        "“HÂLÂ” ODTÜ’nün ÖĞRENCİSİ: millî, resmî, sükûnet, üç çocuk, dağ, ığdır.",
    ),
    "es": (
        "La letra «Ñ» es única: ¿mañana, año, pingüino, corazón, café, después? ¡Así es!",
        "ESPAÑA, «CAFÉ», “SÍ”: no sé…¿y tú? El niño comió aquí, según él; último día allá.",
    ),
    "de": (
        "Größe, Maß und „Spaß“ – Ärger über Öl, Überfluß, süße Äpfel; „GEFÄHRLICH Ö“.",
        "Die Straße führt schön hügelig zum „Schloß“…",
    ),
    "cs": (
        "Příliš žluťoučký kůň úpěl ďábelské ódy: „LÉŽE“ a šťastně, něco, čaj, řeka, ráno, víno, nový.",
        "Úžasná loď; NEJVĚTŠÍ ÚŽAS, žíně.",
    ),
    "sv": ("Å ena sidan, sade hon, ”PÅ ÖN Ä…” och så åkte de över ån på våren.",),
    "cy": ("Aeth â’r plant i’r tŷ â’i gilydd; mae’r môr, y tân, y sêr, dŵr, cŵn, pînwydd a dŷ, mae’n ŵyn, llûn.",),
    "sk": ("Kŕdeľ šťastných ďatľov učí mĺkveho koňa žrať kôru: ÚŽITOK, mäso, čaj, ráno, víno, nový, tón, lúka, véda.",),
}
CASES = [(lang, sentence) for lang, sentences in SENTENCES.items() for sentence in sentences]
OTHER_SCRIPTS = {
    "ru": "Привет, мир: это проверка кодировки.",
    "el": "Καλημέρα κόσμε, αυτό είναι δοκιμή.",
    "ja": "これは文字化けの試験です。",
    "zh": "这是一个关于编码的测试。",
    "ko": "이것은 인코딩 시험입니다.",
    "ar": "هذا اختبار للترميز.",
    "he": "זוהי בדיקת קידוד.",
    "hi": "यह एक परीक्षण है।",
}


def alarm(text: str) -> bool:
    """Whether the rule refuses the text, on either side."""
    sides = [
        Candidate(src_text=src, tgt_text=tgt, src_lang="en", tgt_lang="de", tier=Tier.LEXICAL, score=1.0)
        for src, tgt in ((text, "plain"), ("plain", text))
    ]
    found = {RULES[Rule.MOJIBAKE](side, Thresholds()) for side in sides}
    assert len(found) == 1, "one side is not looked at"
    return found.pop()


def twice(text: str, encoding: str) -> str:
    """The text's UTF-8 read as ``encoding``; bytes that cp1252 leaves open stay as they are."""
    if encoding == "latin-1":
        return text.encode().decode("latin-1")
    return "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
        for byte in text.encode()
    )


# Correct text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LETTERS)
def test_the_sentences_hold_every_letter(lang: str) -> None:
    there = set(unicodedata.normalize("NFC", " ".join(SENTENCES[lang])).lower())
    assert not set(LETTERS[lang]) - there


@pytest.mark.parametrize("form", [str, str.upper, str.title, normalise], ids=["as is", "upper", "title", "normalised"])
@pytest.mark.parametrize(("lang", "sentence"), CASES)
def test_no_alarm_on_correct_text(lang: str, sentence: str, form) -> None:  # type: ignore[no-untyped-def]
    assert not alarm(form(sentence))


@pytest.mark.parametrize("lang", OTHER_SCRIPTS)
def test_no_alarm_on_other_scripts(lang: str) -> None:
    assert not alarm(OTHER_SCRIPTS[lang])


CLOSERS = [
    "’",
    "”",
    "»",
    "“",
    "…",
    "–",
    "—",
    "›",
    "™",
    "®",
    "²",
    "³",
    "¹",
    "†",
    "”²",
    "»¹",
    "…»",
    "”…",
    "®”",
    "\u00a0»",
]


@pytest.mark.parametrize("closer", CLOSERS)
def test_no_alarm_on_a_word_that_ends_in_any_letter_before_punctuation(closer: str) -> None:
    letters = sorted(set("".join(LETTERS.values())))
    assert len(letters) > 100
    for letter in letters:
        for text in (f"abc{letter}{closer} next", f"ABC{letter.upper()}{closer} NEXT"):
            assert not alarm(text), text


@pytest.mark.parametrize(
    "text",
    [
        "litera «Â» și „Ô", "a letra “Ã”", "«Ñ»", "“Ð”", "AMANHÃ…", "NÃO, «AMANHû.", "BLAÐ—BORД", "“a café”—and more",
        "prix du café–€5", "5 Å", "Å", "20 °C", "5 µm ± 2 %", "§ 3 ¶ 2", "l·l col·legi", "1 × 2 = 2", "MANHù²",
        "Yá’át’ééh", "T’áá’íyisí", "¡OLÉ! ¿QUÉ?", "ODTÜ´nün", "iPad É”", "i nÉirinn, an tÓr", "hâ\u00adlâ", "É—Ê",
    ],
)  # fmt: skip
def test_no_alarm_on_hard_cases(text: str) -> None:
    assert not alarm(text)


@given(st.text(alphabet=string.printable))
def test_no_alarm_on_ascii(text: str) -> None:
    assert not alarm(text)


# Text encoded twice --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize(("lang", "sentence"), CASES)
def test_alarm_on_the_same_text_encoded_twice(lang: str, sentence: str, encoding: str) -> None:
    broken = twice(sentence, encoding)
    assert alarm(broken)
    # The filter looks at normalised text, where the C1 controls of the latin-1 reading are gone.
    assert alarm(normalise(broken))


@pytest.mark.parametrize("lang", OTHER_SCRIPTS)
def test_alarm_on_other_scripts_encoded_twice(lang: str) -> None:
    assert alarm(normalise(twice(OTHER_SCRIPTS[lang], "cp1252")))


@pytest.mark.parametrize(
    "text",
    ["It’s", "“so”", "naïve", "Café", "École", "über", "Ünal", "5 €", "20 °C", "a → b", "Bogotá", "está", "crème",
     "mañana", "NÃO", "fjörð", "będę", "łódź", "ağaç", "uși", "mạnh", "a – b", "©2026", "½ l"],
)  # fmt: skip
def test_alarm_on_single_words_encoded_twice(text: str) -> None:
    assert alarm(twice(text, "cp1252"))


@pytest.mark.parametrize("text", ["a\ufffdb", "ï»¿Title"])
def test_alarm_on_replacement_characters_and_a_visible_byte_order_mark(text: str) -> None:
    assert alarm(text)


@given(st.text(st.sampled_from("жшцяАБΩλπあアの語漢한글شمש"), min_size=2))
def test_alarm_on_two_letters_of_another_script_side_by_side(text: str) -> None:
    assert not alarm(text)
    assert alarm(twice(text, "cp1252"))
    assert alarm(twice(text, "latin-1"))


def test_encoding_twice_is_what_it_says() -> None:
    assert twice("é", "latin-1") == twice("é", "cp1252") == "\u00c3\u00a9"
    assert twice("’", "cp1252") == "\u00e2\u20ac\u2122"
    assert twice("’", "latin-1") == "\u00e2\u0080\u0099"
