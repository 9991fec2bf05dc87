"""Language identification: right where there is enough text, silent where there is not."""

import pytest

from tm_align.langid import LanguageIdentifier

SENTENCES = {
    "en": "The administrator reads the server logs every morning.",
    "de": "Der Administrator liest jeden Morgen die Protokolle des Servers.",
    "fr": "L'administrateur lit chaque matin les journaux du serveur.",
    "es": "El administrador lee los registros del servidor cada mañana.",
    "zh": "管理员每天早上都会阅读服务器日志。",
    "ja": "管理者は毎朝サーバーのログを読みます。",
    "ru": "Администратор каждое утро читает журналы сервера.",
}


@pytest.fixture(scope="module")
def identifier():
    return LanguageIdentifier()


@pytest.mark.parametrize("lang", SENTENCES)
def test_sentences(identifier, lang):
    assert identifier.identify(SENTENCES[lang]).lang == lang
    for candidates in (list(SENTENCES), [lang, "en"], [f"{lang}-XX", "pt-BR"]):
        found = identifier.identify(SENTENCES[lang], candidates)
        assert found.lang == lang
        assert 0.9 < found.probability <= 1


@pytest.mark.parametrize(
    "text", ["", "  ", "42", "a b", "€ 3,50 – 12 %", "http://example.org/some/words", "<1>{{count}}</1>"]
)
def test_too_few_letters_to_tell(identifier, text):
    found = identifier.identify(text)
    assert (found.lang, found.probability) == ("und", 0.0)


def test_two_chinese_signs_are_enough(identifier):
    assert identifier.identify("日志", ["zh", "en"]).lang == "zh"


def test_an_untranslated_sentence_is_seen_among_the_candidates(identifier):
    assert identifier.identify(SENTENCES["en"], ["de", "fr", "en"]).lang == "en"


def test_file_names_and_addresses_do_not_make_a_text_english(identifier):
    text = "Siehe /usr/share/doc/package/README.Debian und https://www.example.org/the/long/page.html für mehr."
    assert identifier.identify(text, ["de", "en"]).lang == "de"


def test_languages_the_model_does_not_know_are_passed_over(identifier):
    assert identifier.identify(SENTENCES["de"], ["csb", "de"]).lang == "de"
    assert identifier.identify(SENTENCES["de"], ["csb"]).lang == "und"
    assert identifier.identify("Han leser loggene til serveren hver morgen.", ["nb", "en"]).lang == "no"


def test_probabilities_among_candidates_are_shares(identifier):
    total = sum(identifier._shares(SENTENCES["es"], ["es", "fr", "en"]).values())
    assert total == pytest.approx(1)


def test_a_document_is_in_the_language_of_most_of_its_letters(identifier):
    paragraphs = [SENTENCES["de"]] * 3 + [SENTENCES["en"]] + ["", "42"]
    found = identifier.identify_document(paragraphs)
    assert found.lang == "de"
    assert 0.6 < found.probability < 0.85
    assert identifier.identify_document(["", "1"]).lang == "und"


def test_a_long_document_is_sampled_evenly(identifier):
    assert identifier.identify_document([SENTENCES["en"]] * 100 + [SENTENCES["de"]] * 900).lang == "de"


def test_a_batch_gives_what_single_calls_give(identifier):
    texts = list(SENTENCES.values())
    assert identifier.identify_all(iter(texts), iter(["de", "fr"])) == [
        identifier.identify(text, ["de", "fr"]) for text in texts
    ]
