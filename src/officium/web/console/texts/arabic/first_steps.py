"""The first steps."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.home": "نظرة عامة",
    "flash.first_widget": "تمت إضافة العميل والودجة.",
    "flash.guide_hidden": "أُخفيت الخطوات الأولى. تجدها مجددًا في نهاية هذه الصفحة.",
    "steps.title": "الخطوات الأولى",
    "steps.welcome": "مرحبًا، {name}",
    "steps.lead": "خمس خطوات قصيرة تصل بك إلى إجابة ومفتاح وودجة. يمكنك التوقف والعودة متى شئت.",
    "steps.lead_others": "اطرح سؤالًا أول، واعرف أين يُحتسب كل شيء.",
    "steps.progress": "الخطوات المنجزة",
    "steps.count": "أُنجز {done} من {all}",
    "steps.done": "تم",
    "steps.go_on": "متابعة",
    "steps.skip": "ليس الآن",
    "steps.copy": "نسخ",
    "steps.copied": "تم النسخ",
    "steps.hide": "لا تعرض هذا مجددًا",
    "steps.hide_hint": "تجده مجددًا في نهاية النظرة العامة.",
    "steps.show_again": "اعرض هذا تلقائيًا مجددًا",
    "steps.hidden_hint": "أخفيت الخطوات الأولى؛ لا تُفتح إلا عندما تطلبها.",
    "steps.reminder": "الخطوات الأولى، بقي منها {left}. التالية:",
    "steps.step.provider": "اربط مزوّدًا",
    "steps.step.ask": "اطرح سؤالًا أول",
    "steps.step.key": "أنشئ مفتاحًا لبرنامج",
    "steps.step.widget": "أضف عميلًا وودجة",
    "steps.step.cost": "اعرف التكلفة",
    "steps.provider.lead": (
        "اختر من يشغّل النماذج التي تريد استخدامها، والصق المفتاح الذي حصلت عليه منه. نسأله سؤالًا قصيرًا"
        " في الحال، ولا نحتفظ بالمفتاح إلا إذا وصلت إجابة."
    ),
    "steps.provider.ready": "جاهز",
    "steps.provider.another": "اربط مزوّدًا آخر",
    "steps.provider.which": "المزوّد",
    "steps.provider.choose": "اختر …",
    "steps.provider.key": "مفتاحه",
    "steps.provider.key_hint": (
        "تنشئه في موقع المزوّد. يُخزَّن مشفّرًا ولا يُعرض بعد ذلك أبدًا. المزوّد الذي يعمل على جهازك قد "
        "لا يحتاج إلى مفتاح."
    ),
    "steps.provider.more": "النموذج والعنوان",
    "steps.provider.model": "النموذج",
    "steps.provider.model_hint": "اتركه فارغًا لاستخدام النموذج المعتاد لدى المزوّد.",
    "steps.provider.address": "العنوان",
    "steps.provider.address_hint": "لخادم خاص بك فقط، مثل http://localhost:11434/v1.",
    "steps.provider.submit": "اربط وتحقّق",
    "steps.provider.checking": "جارٍ سؤال المزوّد …",
    "steps.provider.refused": "لم يتم الربط:",
    "steps.provider.answers": "تم ربط {provider} وهو يجيب.",
    "steps.provider.answered_in": "أجاب {model} خلال {ms} مللي ثانية.",
    "steps.provider.scripted": "تابع مع المزوّد التجريبي",
    "steps.provider.scripted_hint": (
        "المزوّد التجريبي لا يسأل أي نموذج: إجاباته من نص مُعَدّ مسبقًا وتقول ذلك. لا يحتاج إلى مفتاح ولا"
        " يكلّف شيئًا، وكل ما عداه يعمل كما مع مزوّد حقيقي."
    ),
    "steps.advice.key": (
        "تأكد من أنك نسخت المفتاح كاملًا، وأنه لهذا المزوّد، وأنه لم يُحذف هناك. ثم الصقه مرة أخرى."
    ),
    "steps.advice.quota": "أضف رصيدًا إلى حسابك في موقع المزوّد، ثم حاول مجددًا.",
    "steps.advice.model": "اكتب اسمًا آخر تحت «النموذج والعنوان»، أو اتركه فارغًا لاستخدام النموذج المعتاد.",
    "steps.advice.busy": "يسمح المزوّد بعدد محدود من الأسئلة في الدقيقة. انتظر لحظة ثم حاول مجددًا.",
    "steps.advice.unreachable": (
        "حاول مجددًا بعد دقيقة؛ صفحة حالة المزوّد تبيّن إن كان لديه عطل. وإذا كان خادمك يصل إلى الإنترنت "
        "عبر وكيل أو جدار حماية، فاطلب من مشغّله السماح بهذا المزوّد."
    ),
    "steps.advice.address": (
        "راجع العنوان تحت «النموذج والعنوان». عناوين شبكتك الخاصة يجب أن يسمح بها مشغّل الخادم "
        "(OFFICIUM_ALLOWED_PRIVATE_HOSTS)."
    ),
    "steps.advice.credits": (
        "نفدت إحدى ميزانياتك. ارفعها في صفحة الميزانيات والتنبيهات، أو انتظر بداية فترتها التالية."
    ),
    "steps.advice.provider": "اربط مزوّدًا في الخطوة الأولى، أو تابع مع المزوّد التجريبي.",
    "steps.advice.other": (
        "حاول مجددًا. إذا استمر الأمر فستجد التفاصيل في سجل الطلبات؛ ويمكنك في هذه الأثناء متابعة الخطوات"
        " التالية."
    ),
    "steps.ask.lead": "تظهر الإجابة أثناء كتابتها، وتُحتسب مثل أي طلب آخر.",
    "steps.ask.question": "سؤالك",
    "steps.ask.example": "ما ثلاثة أسئلة جيدة ينبغي طرحها قبل توظيف شخص جديد؟",
    "steps.ask.who": "من يجيب",
    "steps.ask.scripted": "المزوّد التجريبي (بلا نموذج ولا مفتاح)",
    "steps.ask.submit": "اسأل الآن",
    "steps.ask.busy": "جارٍ السؤال …",
    "steps.ask.waiting": "في انتظار الإجابة.",
    "steps.ask.answer": "الإجابة",
    "steps.ask.lost": "انقطع الاتصال قبل اكتمال الإجابة.",
    "steps.ask.instead": "اسأل المزوّد التجريبي بدلًا منه",
    "steps.ask.providers": "راجع المزوّدين",
    "steps.ask.budgets": "راجع الميزانيات",
    "steps.ask.scripted_hint": "جاءت هذه الإجابة من النص المُعَدّ لا من نموذج.",
    "steps.ask.next_key": "التالي: أنشئ مفتاحًا",
    "steps.ask.next_cost": "التالي: اعرف التكلفة",
    "steps.ask.not_allowed": "دورك يسمح بالاطلاع لا بالسؤال. يستطيع المدير تغيير ذلك.",
    "steps.ask.nobody": "لا أحد يجيب بعد: اربط مزوّدًا أولًا. المزوّد التجريبي متوقف على هذا الخادم.",
    "steps.ask.nobody_others": "لا أحد يجيب بعد. اطلب من أحد المديرين ربط مزوّد.",
    "steps.took.who": "أجاب",
    "steps.took.first": "أول رمز بعد",
    "steps.took.whole": "اكتملت بعد",
    "steps.took.tokens": "الرموز",
    "steps.took.in_out": "{input} داخلة، {output} خارجة",
    "steps.took.cost": "التكلفة",
    "steps.took.entry": "اعرضه في سجل الطلبات",
    "steps.took.later": "تظهر الأرقام في سجل الطلبات بعد لحظة.",
    "steps.key.lead": (
        "تسأل البرامج بمفتاح خاص بها. تعمل أي مكتبة لـ OpenAI أو Anthropic: يكفيها عنوان هذا الخادم والمفتاح."
    ),
    "steps.key.name": "لأي غرض؟",
    "steps.key.name_example": "برنامجي الأول",
    "steps.key.submit": "أنشئ المفتاح",
    "steps.key.another": "أنشئ مفتاحًا آخر",
    "steps.key.made": "صار لدى {name} مفتاح.",
    "steps.key.once": "انسخه الآن: لن يُعرض إلا هذه المرة.",
    "steps.key.secret": "المفتاح",
    "steps.key.curl": "في سطر الأوامر",
    "steps.key.python": "في بايثون",
    "steps.key.default": "النموذج «default» هو ما تم إعداده افتراضيًا.",
    "steps.key.lost": "ضع المفتاح الذي احتفظت به مكان YOUR_KEY، أو أنشئ مفتاحًا آخر.",
    "steps.key.next": "التالي: أضف ودجة",
    "steps.key.all": "كل المفاتيح",
    "steps.widget.lead": (
        "الودجة محادثة توضع في موقع. وهي تابعة لعميل: الجهة التي تجيب باسمها، ولها حدودها وتكاليفها. "
        "ويمكن أن تكون شركتك هي العميل."
    ),
    "steps.widget.client": "اسم العميل",
    "steps.widget.client_hint": "شركة، شركتك أو شركة تعمل لحسابها.",
    "steps.widget.name": "اسم الودجة",
    "steps.widget.name_hint": "يراه الزوار في أعلى المحادثة.",
    "steps.widget.name_example": "المساعدة",
    "steps.widget.origin_hint": "لا تعرض الودجة إلا صفحات هذا العنوان. يمكنك تحديده لاحقًا.",
    "steps.widget.submit": "أضفهما",
    "steps.widget.of": "{widget}، لدى {client}",
    "steps.widget.embed": "ضع هذا السطر في صفحات الموقع، قبل وسم إغلاق body:",
    "steps.widget.nowhere": "لا يجوز لأي موقع أن يعرضها بعد.",
    "steps.widget.nowhere_link": "أضف عنوان الموقع",
    "steps.widget.next": "التالي: اعرف التكلفة",
    "steps.widget.knowledge": "املأ قاعدة معرفتها",
    "steps.widget.preview": "جرّبها",
    "steps.cost.lead": "يُحتسب كل طلب برموزه وتكلفته، أيًا كان من أرسله. حتى الآن، في آخر 30 يومًا:",
    "steps.cost.requests": "الطلبات",
    "steps.cost.overview": "النظرة العامة",
    "steps.cost.overview_hint": "حسب اليوم والتطبيق والنموذج والعميل، وما يحتاج إلى انتباه.",
    "steps.cost.log": "سجل الطلبات",
    "steps.cost.log_hint": "كل طلب على حدة، بتكلفته حتى آخر رقم.",
    "steps.cost.budgets": "الميزانيات والتنبيهات",
    "steps.cost.budgets_hint": "حدّد كم يجوز أن يُنفق، ومن يُبلَّغ قبل أن ينفد.",
    "steps.cost.advisors": "المستشارون",
    "steps.cost.advisors_hint": "مدير تنفيذي ومالي وتسويقي وتقني يعرفون نشاطك وأرقامه.",
}
