"""The words of texts that are made without a model, in five languages."""

from collections.abc import Mapping

from msgspec import Struct

FALLBACK_LANGUAGE = "en"


class Phrases(Struct, frozen=True, kw_only=True):
    """What such texts are made of. `labels` stand before values of the record."""

    greeting: str
    greeting_by_name: str
    about: str
    close: str
    regards: str
    reminder: str
    please: str
    overdue: str
    follow_up: str
    ask_end_user: str
    end_user: str
    see_notes: str
    missing: str
    nothing_missing: str
    labels: Mapping[str, str]


_NAMES = (
    *("deal_title", "pipeline", "stage", "issue", "owner_name", "customer_name", "amount", "due_date"),
    *("days_overdue", "days_in_stage", "expected_close", "order_number", "order_date", "missing_items"),
)


def _labels(*words: str) -> dict[str, str]:
    return dict(zip(_NAMES, words, strict=True))


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        greeting="Hello,",
        greeting_by_name="Dear {name},",
        about="I am writing about: {intent}",
        close="Please let me know how you would like to proceed.",
        regards="Kind regards",
        reminder="Reminder: {about}",
        please="Please get back to us about it.",
        overdue="overdue by {days} days",
        follow_up="Follow-up",
        ask_end_user="Ask the customer who the end user is.",
        end_user="End user",
        see_notes="Read the latest note and decide the next step.",
        missing="Missing: {items}.",
        nothing_missing="By the record nothing required is missing; the notes were not read.",
        labels=_labels(
            "Deal", "Pipeline", "Stage", "Issue", "Owner", "Customer", "Amount", "Due", "Days overdue",
            "Days in stage", "Expected close", "Order number", "Order date", "Still missing",
        ),
    ),
    "de": Phrases(
        greeting="Guten Tag,",
        greeting_by_name="Guten Tag {name},",
        about="ich schreibe Ihnen wegen: {intent}",
        close="Bitte lassen Sie mich wissen, wie wir weiter vorgehen sollen.",
        regards="Mit freundlichen Grüßen",
        reminder="Erinnerung: {about}",
        please="Bitte melden Sie sich dazu bei uns.",
        overdue="seit {days} Tagen überfällig",
        follow_up="Nachfrage",
        ask_end_user="Den Kunden fragen, wer der Endnutzer ist.",
        end_user="Endnutzer",
        see_notes="Die letzte Notiz lesen und den nächsten Schritt festlegen.",
        missing="Es fehlt: {items}.",
        nothing_missing="Nach dem Datensatz fehlt nichts Verlangtes; die Notizen wurden nicht gelesen.",
        labels=_labels(
            "Geschäft", "Pipeline", "Phase", "Problem", "Zuständig", "Kunde", "Betrag", "Fällig",
            "Tage überfällig", "Tage in der Phase", "Erwarteter Abschluss", "Bestellnummer", "Bestelldatum",
            "Noch offen",
        ),
    ),
    "fr": Phrases(
        greeting="Bonjour,",
        greeting_by_name="Bonjour {name},",
        about="je vous écris au sujet de : {intent}",
        close="Merci de m'indiquer comment vous souhaitez procéder.",
        regards="Cordialement",
        reminder="Rappel : {about}",
        please="Merci de revenir vers nous à ce sujet.",
        overdue="en retard de {days} jours",
        follow_up="Suivi",
        ask_end_user="Demander au client qui est l'utilisateur final.",
        end_user="Utilisateur final",
        see_notes="Lire la dernière note et décider de la prochaine étape.",
        missing="Il manque : {items}.",
        nothing_missing="D'après le dossier, rien d'exigé ne manque ; les notes n'ont pas été lues.",
        labels=_labels(
            "Affaire", "Pipeline", "Étape", "Problème", "Responsable", "Client", "Montant", "Échéance",
            "Jours de retard", "Jours dans l'étape", "Clôture prévue", "Numéro de commande",
            "Date de commande", "Manque encore",
        ),
    ),
    "es": Phrases(
        greeting="Hola,",
        greeting_by_name="Hola, {name}:",
        about="Le escribo sobre: {intent}",
        close="Por favor, indíqueme cómo desea proceder.",
        regards="Un cordial saludo",
        reminder="Recordatorio: {about}",
        please="Por favor, póngase en contacto con nosotros al respecto.",
        overdue="con {days} días de retraso",
        follow_up="Seguimiento",
        ask_end_user="Preguntar al cliente quién es el usuario final.",
        end_user="Usuario final",
        see_notes="Leer la última nota y decidir el siguiente paso.",
        missing="Falta: {items}.",
        nothing_missing="Según el registro no falta nada de lo exigido; las notas no se han leído.",
        labels=_labels(
            "Operación", "Pipeline", "Etapa", "Problema", "Responsable", "Cliente", "Importe", "Vence",
            "Días de retraso", "Días en la etapa", "Cierre previsto", "Número de pedido",
            "Fecha del pedido", "Falta todavía",
        ),
    ),
    "ar": Phrases(
        greeting="مرحباً،",
        greeting_by_name="مرحباً {name}،",
        about="أكتب إليكم بخصوص: {intent}",
        close="يرجى إفادتي بكيفية المتابعة.",
        regards="مع أطيب التحيات",
        reminder="تذكير: {about}",
        please="يرجى التواصل معنا بهذا الشأن.",
        overdue="متأخر منذ {days} يوماً",
        follow_up="متابعة",
        ask_end_user="سؤال العميل عن المستخدم النهائي.",
        end_user="المستخدم النهائي",
        see_notes="قراءة آخر ملاحظة وتحديد الخطوة التالية.",
        missing="ينقص: {items}.",
        nothing_missing="بحسب السجل لا ينقص شيء مطلوب؛ لم تُقرأ الملاحظات.",
        labels=_labels(
            "الصفقة", "المسار", "المرحلة", "المشكلة", "المسؤول", "العميل", "المبلغ", "تاريخ الاستحقاق",
            "أيام التأخير", "أيام في المرحلة", "الإغلاق المتوقع", "رقم الطلب", "تاريخ الطلب", "ما زال ناقصاً",
        ),
    ),
}  # fmt: skip


def phrases_for(language: str) -> tuple[Phrases, str]:
    """The phrases of a language, and the code of the language they are in."""
    code = language.split("-")[0].lower()
    found = PHRASES.get(code)
    return (found, language) if found is not None else (PHRASES[FALLBACK_LANGUAGE], FALLBACK_LANGUAGE)
