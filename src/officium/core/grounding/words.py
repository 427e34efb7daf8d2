"""The vocabularies by which figures and facts are recognised, in English, German, French, Spanish and Arabic.

Every list is plain text, so that a word is added by writing it down. A line `label: word word` says which words
mean the same as a label. Labels are English, singular and in lower case.
"""

from typing import Literal

Nature = Literal["money", "percent", "count", "duration", "any"]
"""What a number counts. `any` says that its name does not tell."""

FigureKind = Literal["number", "money", "percent", "duration", "date"]

Hedge = Literal["about", "above", "below"]
"""How a text calls a figure an approximation."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _same(text: str) -> dict[str, str]:
    """From every word to the label at the head of its line; `_` stands for a space."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        head, words = line.split(":", 1)
        for word in words.split():
            found[word.replace("_", " ")] = head.strip()
    return found


def _phrases(text: str) -> tuple[str, ...]:
    """Words and phrases with bars or ends of lines between them."""
    return tuple(part.strip() for line in text.splitlines() for part in line.split("|") if part.strip())


# Numbers

SCALES: dict[str, int] = {
    word: int(power)
    for word, power in _same(
        """
        3: k thousand tsd tausend mille mil ألف آلاف الف
        5: lakh lakhs lac
        6: m mn mm mio million millions millionen millón millones مليون ملايين
        7: crore crores
        9: b bn mrd billion billions milliarde milliarden milliard milliards مليار
        """
    ).items()
}
"""A word or letter after a number, and the power of ten it stands for."""

NUMBER_WORDS: dict[str, int] = {
    word: value
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty",
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "zéro une deux trois quatre cinq six sept huit neuf dix onze douze",
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "صفر واحد اثنان ثلاث أربع خمس ست سبع ثماني تسع عشر",
        "صفر واحدة اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة",
    )
    for value, word in enumerate(words.split())
}
"""Small numbers as words."""

CURRENCIES: dict[str, str] = _same(
    """
    USD: usd $ us$ dollar dollars دولار دولارا دولاراً دólar dólar dólares
    EUR: eur € euro euros يورو
    GBP: gbp £ pound pounds sterling
    SAR: sar ﷼ riyal riyals ريال ريالا ريالاً
    AED: aed dirham dirhams درهم درهما درهماً
    CHF: chf franc francs franken
    JPY: jpy ¥ yen
    INR: inr ₹ rupee rupees
    TRY: try ₺ lira
    BRL: brl r$ real reais
    AUD: aud a$
    CAD: cad c$
    EGP: egp جنيه
    MXN: mxn peso pesos
    SEK: sek
    NOK: nok
    DKK: dkk
    PLN: pln
    ZAR: zar
    CNY: cny
    KWD: kwd
    QAR: qar
    BHD: bhd
    OMR: omr
    JOD: jod
    """
)
"""From a sign, a code or a word to the code of the currency. `$` is a dollar of any country."""

SPANS: dict[str, str] = _same(
    """
    second: second seconds sec secs sekunde sekunden seconde secondes segundo segundos
    minute: minute minutes min mins minuten minuto minutos دقيقة دقائق
    hour: hour hours hr hrs stunde stunden heure heures hora horas ساعة ساعات
    day: day days tag tage tagen jour jours día días dia dias يوم أيام يوما يوماً
    week: week weeks woche wochen semaine semaines semana semanas أسبوع أسابيع
    month: month months monat monate monaten mois mes meses شهر أشهر شهرا شهراً
    quarter: quarter quarters quartal quartale quartalen trimestre trimestres
    year: year years jahr jahre jahren an ans année années año años سنة سنوات
    """
)
"""From a word to the span of time it means."""

MONTHS: dict[str, int] = {
    name: int(number)
    for name, number in _same(
        """
        1: january jan januar janvier enero يناير
        2: february feb februar février febrero فبراير
        3: march mar märz mars marzo مارس
        4: april apr avril abril أبريل ابريل
        5: may mai mayo مايو
        6: june jun juni juin junio يونيو
        7: july jul juli juillet julio يوليو
        8: august aug août agosto أغسطس
        9: september sep sept septembre septiembre سبتمبر
        10: october oct oktober okt octobre octubre أكتوبر اكتوبر
        11: november nov novembre noviembre نوفمبر
        12: december dec dezember dez décembre diciembre ديسمبر
        """
    ).items()
}

HEDGES: dict[Hedge, tuple[str, ...]] = {
    "about": _phrases(
        """
        about | around | roughly | approximately | approx. | approx | some | nearly | almost | close to | just under
        just over | ~ | ≈ | circa | ca. | etwa | rund | ungefähr | knapp | fast | environ | près de | presque | unos
        unas | casi | cerca de | aproximadamente | alrededor de | حوالي | نحو | ما يقارب | تقريبا
        """
    ),
    "above": _phrases(
        """
        over | more than | above | exceeding | at least | upwards of | mehr als | über | plus de | más de | أكثر من
        """
    ),
    "below": _phrases(
        """
        under | less than | below | fewer than | up to | at most | weniger als | unter | moins de | menos de | أقل من
        """
    ),
}
"""What stands right before an approximate figure."""

# What facts are called

NATURES: dict[Nature, frozenset[str]] = {
    "percent": _set(
        "rate percent percentage share ratio margin growth churn pct discount occupancy utilization"
    ),
    "money": _set(
        """
        revenue amount value price cost budget spend cash mrr arr profit income invoice payment balance salary fee
        debt loan funding burn aov usd eur gbp sar aed rent wage
        """
    ),
    "duration": _set("day week month quarter year hour minute second duration age term runway payback cycle"),
    "count": _set(
        """
        session user conversion customer deal order lead ticket employee signup count subscriber member item unit
        project contract click impression page view email call meeting download install seat number blocker task
        patient appointment booking guest cover table shipment parcel delivery vehicle driver student course property
        room visit store product return review complaint campaign follower post video feature bug incident
        """
    ),
}
"""The labels that tell what a number counts; of several, the first in this order decides."""

SAME: dict[str, str] = _same(
    """
    revenue: turnover sale umsatz umsätze chiffre ingreso ventas venta ventes إيرادات الإيرادات إيراد earning erlös erlöse
    session: sitzung sitzungen besuch besuche séance visita sesión sesion sesione جلسة جلسات
    user: visitor nutzer nutzern besucher benutzer utilisateur usuario visiteur visitante مستخدم مستخدمين مستخدما مستخدماً
    conversion: convert converted converting signup konversion konversionen conversión conversione abschlüsse تحويل تحويلات
    customer: client kunde kunden cliente عميل عملاء
    employee: staff headcount mitarbeiter mitarbeitende mitarbeitern employé empleado موظف موظفين
    deal: opportunity geschäft geschäfte affaire negocio صفقة صفقات abschluss
    cost: expense spend spending kosten coût coûts coste costo gasto dépense ausgaben تكلفة تكاليف
    amount: value betrag montant importe worth wert valeur valor قيمة مبلغ
    invoice: rechnung rechnungen facture factura فاتورة فواتير
    order: bestellung bestellungen commande pedido auftrag aufträge طلب طلبات
    profit: gewinn bénéfice beneficio ganancia ربح أرباح
    budget: presupuesto ميزانية
    """
)
"""Words that mean the same as a label."""

TOO_COMMON = _set("in of the a at on to by per and or id date time created updated no x y")
"""Words in keys that name nothing."""

# How a sentence speaks of a figure

FILLERS = _set(
    """
    is was were are of at to from about around roughly approximately nearly almost over under just only now currently
    reached reach hit total totaled totaling stands stood by grew grow fell fall rose rise dropped drop increased
    decreased the your our their its a an with has have had been being be for some than more less amounts amounted
    came comes up down went this last month quarter year week day in on per recent current generated brought made saw
    see sees new active unique estimated reported that which worth valued ist war sind waren von bei auf de est était
    son es fue era
    """
)
"""Words that may stand between a figure and the name before it."""

STOPS = _set("in of from with and or for to per at by on a the but while that which")
"""Words after a figure that end the search for its name."""

COMPARES = _set(
    """
    grow grew growth up down increase increased decrease decreased rise rose fall fell drop dropped decline declined
    more less higher lower than change changed gained lost jump jumped
    """
)
"""Words that set one amount against another."""

RECKONS = _set(
    """
    per average difference total together combined sum altogether overall times ratio more less fewer than growth
    increase decrease gap annual annually annualized month monthly yearly each plus minus
    """
)
"""Words after which a figure need not be one of those that the context has."""

ANNUAL = _set("annual annually annualized annualised year yearly arr")
MONEY_LABELS = _set("revenue amount cost budget profit income spend cash")

KPIS: tuple[tuple[frozenset[str], frozenset[str], frozenset[str]], ...] = (
    (_set("conversion rate"), _set("conversion"), _set("session user")),
    (_set("average order"), _set("revenue"), _set("conversion order")),
    (_set("aov"), _set("revenue"), _set("conversion order")),
    (_set("arpu"), _set("revenue"), _set("user customer")),
    (_set("margin"), _set("profit revenue"), _set("revenue cost")),
    (_set("runway"), _set("cash balance"), _set("burn cost")),
)
"""Names of ratios, with the labels of what is divided and of what it is divided by."""
