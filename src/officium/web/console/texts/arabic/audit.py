"""The audit log."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.audit": "سجل التغييرات",
    "audit.title": "سجل التغييرات",
    "audit.lead": "من غيّر ماذا ومتى. تُضاف الأسطر ولا تُغيَّر.",
    "audit.actor": "من",
    "audit.anybody": "أي أحد",
    "audit.action": "ما الذي حدث",
    "audit.from": "من يوم",
    "audit.to": "إلى يوم",
    "audit.submit": "ابحث",
    "audit.reset": "اعرض الكل",
    "audit.export": "صدّر (CSV)",
    "audit.list": "التغييرات",
    "audit.changes": "ما تغيّر ({count})",
    "audit.before": "قبل:",
    "audit.after": "بعد:",
    "audit.older": "اعرض الأقدم",
    "audit.none": "لا شيء يطابق",
    "audit.none.hint": "اختر أيامًا أخرى، أو اعرض كل التغييرات.",
}
