"""What a widget says by itself, in the languages of its visitors."""

DEFAULTS = {
    "en": "Thank you for your message! I am not sure about that one. Could you ask it in other words, "
    "or leave us a way to reach you? We will get back to you.",
    "de": "Vielen Dank für Ihre Nachricht! Da bin ich mir nicht sicher. Fragen Sie gern mit anderen Worten, "
    "oder hinterlassen Sie uns, wie wir Sie erreichen. Wir melden uns.",
    "fr": "Merci pour votre message ! Je n'en suis pas certain. Pouvez-vous le demander autrement, "
    "ou nous laisser vos coordonnées ? Nous reviendrons vers vous.",
    "es": "¡Gracias por su mensaje! No estoy seguro de eso. ¿Puede preguntarlo de otra forma "
    "o dejarnos sus datos de contacto? Le responderemos.",
    "it": "Grazie per il suo messaggio! Non ne sono sicuro. Può chiederlo in altre parole "
    "o lasciarci un recapito? La ricontatteremo.",
    "pt": "Obrigado pela sua mensagem! Não tenho certeza sobre isso. Pode perguntar de outra forma "
    "ou deixar um contato? Nós responderemos.",
    "nl": "Bedankt voor uw bericht! Dat weet ik niet zeker. Kunt u het anders vragen, "
    "of uw contactgegevens achterlaten? Wij nemen contact met u op.",
    "tr": "Mesajınız için teşekkürler! Bundan emin değilim. Başka sözcüklerle sorabilir "  # noqa: RUF001
    "ya da size ulaşabileceğimiz bir bilgi bırakabilir misiniz? Size döneceğiz.",  # noqa: RUF001
    "ar": "شكرًا لرسالتك! لست متأكدًا من ذلك. "
    "هل يمكنك السؤال بكلمات أخرى أو ترك وسيلة للتواصل معك؟ سنعود إليك.",
    "ja": "メッセージをありがとうございます。その点は確かではありません。別の言葉でお尋ねいただくか、"
    "ご連絡先をお知らせください。追ってご連絡いたします。",
    "zh": "感谢您的留言！这个问题我不太确定。请换一种说法再问，或留下您的联系方式，我们会尽快回复您。",  # noqa: RUF001
}


def default_response(said: str, language: str | None, languages: tuple[str, ...]) -> str:
    """The widget's own words, else ours in the visitor's language, the widget's first, or English."""
    if said.strip():
        return said
    for wanted in (language, *languages[:1], "en"):
        found = DEFAULTS.get((wanted or "").lower().partition("-")[0])
        if found is not None:
            return found
    raise AssertionError("there is always English")
