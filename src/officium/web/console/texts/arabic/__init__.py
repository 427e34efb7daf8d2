"""Arabic. Each page has a file of its own, and a line here.

One word for one thing. Buttons are imperatives (احفظ، أضف، احذف), and what happened is told in the passive
(حُفظت القاعدة). A number stands behind a colon, or before a word that does not bend with it, for there are no
plural forms. Values are set apart from the text around them by `Language.say`. The words:

    tenant جهة, member عضو, administrator مدير, operator مشغّل, role دور, client عميل, customer زبون,
    visitor زائر, advisor مستشار, provider مزوّد, model نموذج, configuration تهيئة, settings إعدادات,
    key مفتاح, token رمز, request طلب, call استدعاء, attempt محاولة, answer إجابة, prompt موجّه,
    version نسخة, label تسمية, tag وسم, variable متغيّر, golden set المجموعة المرجعية, experiment تجربة,
    credits رصيد, budget ميزانية, limit حد, usage استهلاك, cost تكلفة, price سعر, alert تنبيه,
    hold محجوز, ledger دفتر الأستاذ, request log سجل الطلبات, audit log سجل التغييرات, webhook خطاف ويب,
    begin anew يتجدد, used up نفد, default افتراضي, temperature العشوائية, confidence الثقة,
    widget ودجة, knowledge base قاعدة المعرفة, entry مُدخل, gap ثغرة, inbox صندوق الوارد,
    canned answer إجابة جاهزة, saved question سؤال محفوظ, lead بيانات تواصل, source مصدر, snippet سطر,
    rule قاعدة, trigger محفّز, condition شرط, action إجراء, fact معطى, catalogue كتالوج, fires تنطلق,
    dry run تشغيل تجريبي, replay إعادة تشغيل, conflict تعارض, shadowed محجوبة, grammar محلّل الجُمل,
    writer كاتب, draft مسودة, claim ادعاء, record سجل, style أسلوب, reliability موثوقية,
    cash flow تدفق نقدي, deal صفقة, pipeline مسار, stage مرحلة, invoice فاتورة, payment دفعة,
    terms مهلة السداد, overdue متأخر السداد, forecast توقّع, prediction تنبؤ, range نطاق,
    backtest اختبار رجعي, track record سجل الدقة, assumption افتراض, scenario سيناريو, note ملاحظة
"""

from collections.abc import Mapping

from officium.web.console.texts.arabic import (
    advisors,
    audit,
    budgets,
    cashflow,
    clients,
    contents,
    first_steps,
    frame,
    identity,
    keys,
    members,
    overview,
    prices,
    prompts,
    providers,
    requests,
    rules,
    settings,
    sign_in,
    widget_inbox,
    widget_knowledge,
    widgets,
    writer,
)

ARABIC: Mapping[str, str] = {
    **frame.TEXTS,
    **sign_in.TEXTS,
    **first_steps.TEXTS,
    **identity.TEXTS,
    **overview.TEXTS,
    **advisors.TEXTS,
    **keys.TEXTS,
    **members.TEXTS,
    **audit.TEXTS,
    **settings.TEXTS,
    **rules.TEXTS,
    **cashflow.TEXTS,
    **widgets.TEXTS,
    **widget_knowledge.TEXTS,
    **widget_inbox.TEXTS,
    **budgets.TEXTS,
    **clients.TEXTS,
    **prompts.TEXTS,
    **writer.TEXTS,
    **requests.TEXTS,
    **contents.TEXTS,
    **providers.TEXTS,
    **prices.TEXTS,
}
