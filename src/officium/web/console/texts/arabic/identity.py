"""Signing in with an identity provider."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "identity.any": "حساب مؤسستك",
    "identity.button": "سجّل الدخول عبر {provider}",
    "identity.button.any": "سجّل الدخول بحساب مؤسستك",
    "identity.or": "أو بكلمة مرور",
    "identity.retry": "حاول مرة أخرى",
    "identity.back": "العودة إلى صفحة تسجيل الدخول",
    "identity.identity_provider_unreachable.title": "لا يستجيب {provider}",
    "identity.identity_provider_unreachable": (
        "لا يمكن لأحد تسجيل الدخول هناك الآن. انتظر قليلًا ثم حاول مرة أخرى. "
        "وإن كانت لديك كلمة مرور هنا فاستخدمها."
    ),
    "identity.identity_provider_unusable.title": "تسجيل الدخول عبر {provider} غير مُعدّ كما يجب",
    "identity.identity_provider_unusable": (
        "لا يمكنك إصلاح ذلك بنفسك. أخبر من يدير هذا النظام، ففي سجل الخادم بيان الخطأ."
    ),
    "identity.sign_in_declined.title": "لم يتم تسجيل دخولك",
    "identity.sign_in_declined": (
        "لم يسمح لك {provider} بالمرور، أو أنك رجعت. حاول مرة أخرى، أو اطلب الإذن ممن يديره."
    ),
    "identity.identity_refused.title": "تعذّر قبول الجواب",
    "identity.identity_refused": (
        "ما عاد من {provider} لا يثبت من أنت. حاول مرة أخرى. وإن تكرر ذلك فأخبر من يدير هذا النظام."
    ),
    "identity.person_unknown.title": "لا نعرف عضوًا هنا هو أنت",
    "identity.person_unknown": (
        "يعرفك {provider}، لكنك لست عضوًا هنا بعد. "
        "اطلب من أحد المسؤولين أن يضيفك ببريدك الإلكتروني المسجَّل هناك."
    ),
    "identity.email_not_verified.title": "لم يُتحقَّق من بريدك الإلكتروني",
    "identity.email_not_verified": (
        "لا يستطيع {provider} أن يؤكد أن العنوان لك. تحقَّق منه هناك ثم سجّل الدخول مرة أخرى."
    ),
    "identity.sign_in_stale.title": "مضى وقت طويل، أو سبق استخدام هذا الجواب",
    "identity.sign_in_stale": (
        "كل تسجيل دخول صالح مرة واحدة، لعشر دقائق، في المتصفح الذي بدأ فيه. ابدأ من جديد."
    ),
    "identity.tenant_unknown.title": "جهتك غير معروفة هنا",
    "identity.tenant_unknown": "لا يذكر {provider} جهة موجودة هنا. أخبر من يدير هذا النظام.",
    "identity.tenant_suspended.title": "جهتك موقوفة",
    "identity.tenant_suspended": "اسأل من يدير هذا النظام.",
    "identity.tenant_closed.title": "جهتك مغلقة",
    "identity.tenant_closed": "سيُمحى كل ما فيها. وحتى ذلك الحين يستطيع من يدير هذا النظام أن يعيد فتحها.",
    "identity.member_disabled.title": "وصولك معطَّل",
    "identity.member_disabled": "اسأل أحد المسؤولين في جهتك.",
    "identity.limit_exceeded.title": "محاولات كثيرة جدًا",
    "identity.limit_exceeded": "دخل كثيرون من شبكتك في وقت قصير. انتظر بضع دقائق.",
    "identity.out.title": "تم تسجيل خروجك",
    "identity.out.lead": "ربما لا يزال دخولك مسجَّلًا عبر {provider}. على جهاز مشترك سجّل الخروج هناك أيضًا.",
    "identity.out.there": "سجّل الخروج من {provider} أيضًا",
    "identity.out.again": "سجّل الدخول مرة أخرى",
    "settings.provider": "مزوّد الهوية",
    "settings.provider.connected": "تسجّل الدخول عبر {provider}",
    "settings.provider.used": "آخر استخدام:",
    "settings.provider.since": "مرتبط منذ:",
    "settings.provider.subject": "معرّفك هناك",
    "settings.provider.closed": "لم تعد كلمة مرورك هنا صالحة.",
    "settings.provider.not_yet": (
        "غير مرتبط بعد. سجّل الخروج ثم ادخل عبر {provider}: تُعرَف ببريدك الإلكتروني الذي تم التحقق منه."
    ),
}
