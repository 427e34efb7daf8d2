"""Settings: one's own, and those of the tenant."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.settings": "الإعدادات",
    "flash.session_ended": "أُنهيت الجلسة.",
    "flash.tenant_saved": "تم الحفظ.",
    "flash.tenant_connected": "تم الربط. يمكنك الآن التنقل بين هذه الجهات.",
    "flash.tenant_entered": "أنت الآن في جهة أخرى.",
    "settings.title": "الإعدادات",
    "settings.lead": "ما تختاره لنفسك، وما يسري على الجميع في جهتك.",
    "settings.own": "أنت",
    "settings.sessions": "أين سجّلت الدخول",
    "settings.sessions.hint": "أنهِ ما لا تعرفه، ثم غيّر كلمة مرورك.",
    "settings.sessions.browser": "متصفح",
    "settings.sessions.this": "هذه الجلسة",
    "settings.sessions.seen": "آخر ظهور:",
    "settings.sessions.since": "منذ:",
    "settings.sessions.end": "أنهِ",
    "settings.tenants": "جهاتك",
    "settings.tenants.this": "أنت هنا",
    "settings.tenants.go": "انتقل إليها",
    "settings.tenants.add": "اربط جهة أخرى",
    "settings.tenants.hint": (
        "أثبت مرة واحدة أنك عضو هناك أيضًا. بعدها تتنقل بينهما بلا كلمة مرور، إلى أن يعطيك أحد كلمة جديدة."
    ),
    "settings.tenants.password": "كلمة مرورك هناك",
    "settings.tenants.submit": "اربط",
    "settings.tenant": "الجهة",
    "settings.tenant.name": "الاسم",
    "settings.tenant.zone": "المنطقة الزمنية",
    "settings.tenant.zone.hint": "تحدد متى تبدأ الأيام في التقارير والميزانيات الجديدة.",
    "settings.tenant.retention": "مدة حفظ المحادثات (بالأيام)",
    "settings.tenant.retention.hint": "يُحذف الأقدم. اتركه فارغًا لحفظها.",
    "settings.tenant.submit": "احفظ",
    "settings.export": "خذ بياناتك معك",
    "settings.export.hint": "ملفات تُفتح في جدول بيانات أو محرر.",
    "settings.export.audit": "سجل التغييرات",
    "settings.export.usage": "الطلبات والتكاليف",
    "settings.export.prompts": "الموجّهات",
    "settings.export.deals": "الصفقات",
    "flash.export_requested": "يجري إعداد الملف. يمكنك مغادرة هذه الصفحة في الأثناء.",
    "flash.export_deleted": "حُذف الملف.",
    "settings.all": "كل شيء في ملف واحد",
    "settings.all.hint": (
        "ملف ZIP فيه كل ما يخص جهتك، في أسطر JSON: الأشخاص، والمفاتيح من دون أسرارها، والنوافذ، والمحادثات، "
        "والقواعد، والصفقات، والتكاليف، وسجل التغييرات. وفيه أيضًا ما يحتفظ به الآخرون لأنفسهم، فلا يحصل عليه "
        "إلا المالكون. يُخزَّن مشفّرًا ويُحذف بعد يوم."
    ),
    "settings.all.ask": "أعدّ الملف",
    "settings.all.asked": "طُلب في:",
    "settings.all.state.waiting": "في الانتظار",
    "settings.all.state.building": "قيد الإعداد",
    "settings.all.state.ready": "جاهز",
    "settings.all.state.failed": "تعذّر",
    "settings.all.progress": "تقدّم إعداد الملف",
    "settings.all.done": "{percent}٪، {rows} سطر حتى الآن",
    "settings.all.ready": "{size}. يُحذف في:",
    "settings.all.failure.too_large": "البيانات أكبر من أن يسعها ملف واحد. اطلب نسخة من مشغّل هذا النظام.",
    "settings.all.failure.broken": "تعذّر إعداد الملف. حاول من جديد، أو اطلب من المشغّل أن ينظر في السجل.",
    "settings.all.download": "نزّل",
    "settings.all.delete": "احذف",
    "flash.tenant_closed": "أُغلقت جهتك. ستُمحى ما لم يُعد المشغّل فتحها.",
    "settings.close": "حذف هذه الجهة",
    "settings.close.hint": (
        "يُسجَّل خروج الجميع فورًا، وتُرفض المفاتيح والنوافذ. وبعد {days} يومًا يُمحى كل شيء نهائيًا. وحتى ذلك "
        "الحين يستطيع مشغّل هذا النظام أن يعيد فتحها، أما أنت فلا."
    ),
    "settings.close.open": "احذف هذه الجهة …",
    "settings.close.export": "خذ بياناتك معك أولًا، فلا يمكن ذلك لأحد بعدها.",
    "settings.close.name": "اسم الجهة",
    "settings.close.name.hint": "اكتبه للتأكيد:",
    "settings.close.password": "كلمة مرورك",
    "settings.close.recent": "يجب أن تكون قد سجّلت الدخول خلال الدقائق العشر الأخيرة.",
    "settings.close.submit": "احذف الجهة وكل ما فيها",
}
