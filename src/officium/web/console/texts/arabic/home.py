"""The start page."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.home": "نظرة عامة",
    "home.title": "الخطوات الأولى",
    "home.welcome": "مرحبًا، {name}",
    "home.lead": "هذا ما تم إعداده، وما يمكنك فعله بعد ذلك.",
    "home.models": "مزوّدو النماذج",
    "home.models.none": "لم يُعَدّ أي مزوّد بعد",
    "home.models.none_hint": (
        "ضع مفتاح أحد المزوّدين في متغيرات البيئة، مثل OPENAI_API_KEY، ثم أعد تشغيل الخادم. "
        "الأمر `officium providers` يعرضهم جميعًا."
    ),
    "home.models.ready": "جاهز",
    "home.models.scripted": "لا يحتاج إلى مفتاح",
    "home.models.scripted_hint": "يجيب من نص مُعَدّ مسبقًا، بلا أي مفتاح. مناسب للتجربة.",
    "home.try.title": "جرّب",
    "home.try.lead": "اطلب من النموذج الافتراضي جملة واحدة، لترى أن كل شيء يعمل من أوله إلى آخره.",
    "home.try.submit": "اسأل الآن",
    "home.try.busy": "جارٍ السؤال …",
    "home.try.answered": "أجاب {model} خلال {ms} مللي ثانية",
    "home.try.not_allowed": "دورك يسمح بالاطلاع لا بالسؤال. يستطيع المدير تغيير ذلك.",
    "home.next": "الخطوات التالية",
    "home.next.advisors": "اسأل مستشارًا",
    "home.next.advisors_hint": "مدير تنفيذي ومالي وتسويقي وتقني يعرفون نشاطك وأرقامه.",
    "home.next.api": "اربط برامجك",
    "home.next.api_hint": "تتحدث الواجهة بلهجتي OpenAI وAnthropic: وجّه مكتبتك إلى هنا.",
    "home.next.key": "أنشئ مفتاحًا لبرنامج",
}
