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
        1: january jan januar jänner janvier enero gennaio janeiro januari يناير كانون_الثاني
        2: february feb februar février febrero febbraio fevereiro februari فبراير شباط
        3: march mar märz mars marzo março maart مارس آذار
        4: april apr avril abril aprile أبريل ابريل نيسان
        5: may mai mayo maggio maio mei مايو أيار
        6: june jun juni juin junio giugno junho يونيو حزيران
        7: july jul juli juillet julio luglio julho يوليو تموز
        8: august aug août agosto augustus أغسطس اغسطس آب
        9: september sep sept septembre septiembre settembre setembro سبتمبر أيلول
        10: october oct oktober okt octobre octubre ottobre outubro أكتوبر اكتوبر تشرين_الأول
        11: november nov novembre noviembre novembro نوفمبر تشرين_الثاني
        12: december dec dezember dez décembre diciembre dicembre dezembro ديسمبر كانون_الأول
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
        """
        rate percent percentage share ratio margin growth churn pct discount occupancy utilization probability
        progress completion oee
        """
    ),
    "money": _set(
        """
        revenue amount price cost budget spend cash mrr arr profit income invoice payment balance salary fee debt loan
        funding burn aov usd eur gbp sar aed rent wage collected raised spent tuition refund adr
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
    revenue: turnover earned earns earn sale umsatz umsätze chiffre ingreso ventas venta ventes إيرادات إيراد الإيراد erlös erlöse einnahme income
    session: visit sitzung sitzungen besuch besuche séance visita sesión sesion sesione جلسة جلسات
    user: visitor nutzer nutzern besucher benutzer utilisateur usuario visiteur visitante مستخدم مستخدمين مستخدما مستخدماً
    conversion: convert converted converting konversion konversionen conversión conversione تحويل تحويلات تحويلا تحويلاً
    signup: anmeldung anmeldungen inscription registro
    customer: client kunde kunden cliente عميل عملاء
    employee: staff headcount mitarbeiter mitarbeitende mitarbeitern employé empleado موظف موظفين موظفا موظفاً people person personen persona
    deal: opportunity geschäft geschäfte affaire negocio صفقة صفقات
    cost: expense kosten coût coûts coste costo gasto dépense ausgaben تكلفة تكاليف
    spend: spending spent spends outlay used use ausgegeben dépensé gastado
    amount: value betrag montant importe worth wert valeur valor قيمة مبلغ
    invoice: rechnung rechnungen facture factura فاتورة فواتير
    order: bestellung bestellungen commande pedido auftrag aufträge طلب طلبات
    profit: gewinn bénéfice beneficio ganancia ربح أرباح
    budget: presupuesto ميزانية
    subscriber: abonnent abonnenten abonné suscriptor suscriptore مشترك مشتركا مشتركين
    member: membership mitglied mitglieder adhérent socio عضو عضوا أعضاء
    patient: patienten paciente
    appointment: termin termine terminen cita موعد مواعيد موعدا
    store: filiale filialen magasin tienda shop
    return: retoure retouren retour devolucione devolución
    rent: miete loyer alquiler monatsmiete
    unit: einheit einheiten lot unidade stück teile
    room: zimmer chambre habitacione habitación
    shipment: sendung sendungen expédition envío parcel
    vehicle: fahrzeug fahrzeuge fahrzeugen véhicule vehículo truck van
    driver: fahrer fahrern chauffeur conductore
    ticket: tickets
    review: bewertung bewertungen avis reseña
    hour: stunde stunden heure hora
    seat: sitzplatz plätze
    download: descarga téléchargement
    student: schüler élève alumno
    teacher: lehrer enseignant profesore profesor
    class: klasse classe clase
    occupancy: auslastung ocupación occupation
    application: applied
    overdue: late überfällig vencido vencida متأخر
    paid: bezahlt payé payée pagado pagada مدفوع
    pending: outstanding ausstehend pendiente معلق
    new: joined neu neue neuen nouveau nouvelle nuevo nueva جديد جديدا
    quote: angebot angebote devi presupuesto
    attrition: fluktuation
    salary: lohn gehalt salaire salario durchschnittslohn
    fee: honorare honoraire honorario
    applicant: bewerbung bewerbungen bewerber candidature candidato
    refund: rückerstattung rückerstattungen remboursement reembolso
    volunteer: freiwillige bénévole voluntario
    donor: spender donateur donante
    guest: gäste gast ضيوف
    close: closing abschluss
    due: deadline fällig
    """
)
"""Words that mean the same as a label."""

QUALIFIERS = _set(
    """
    new open active monthly weekly daily average total current recent previous last overall gross net actual expected
    planned large largest small best typical first this year month week day quarter number count name per
    """
)
"""Words in keys that say which, and not what."""

TOO_COMMON = _set(
    """
    in of the a an at on to by and or id date created updated no not x y for with is are it from as be that
    de la le les el los un une der die das und et en du des al
    """
)
"""Words that name nothing."""

NAMING_KEYS = _set("title name number customer company client party tenant module channel code tracking")
STATUS_KEYS = _set("status stage state phase step result outcome decision")
PERIOD_KEYS = _set("date month period week quarter year day snapshot asof")
PROSE_KEYS = _set("note insight comment description summary text message issue goal remark")

# How a sentence speaks of a figure

FILLERS = _set(
    """
    is was were are of at to from about around roughly approximately nearly almost over under just only now currently
    reached reach hit totaled totaling stands stood by grew grow fell fall rose rise dropped drop increased
    decreased the your our their its a an with has have had been being be for some than more less amounts amounted
    came comes come up down went go this last month quarter year week day in on per recent current generated brought
    made saw see sees new active unique estimated reported that which worth valued exactly still even moved climbed
    climb declined decline slipped slip ran runs run dipped sits ist war sind waren von bei auf lag liegt beträgt
    betrug stieg sank fielen stiegen um est était son es fue era de était à au le la un una bajó subió subieron und
    """
)
"""Words that may stand between a figure and the name before it."""

STOPS = _set(
    """
    in of from with and or for to per at by on but while that which as against than into over under is are was were
    a an before after since until if so your our his her von mit und bei für pro aus auf de avec et pour par dont con y
    por para un una
    """
)
"""Words after a figure that end the search for its name."""

CUES: dict[str, frozenset[str]] = {
    "up": _set(
        """
        grow grew grown grows growth growing up increase increased increases rise rose risen rises climb climbed gain
        gained jump jumped more higher above improved improvement surged boosted exceeded exceeds plus expanded stieg
        stiegen gestiegen gewachsen wuchs zunahme mehr erhöht erhöhte höher augmente augmenté augmentation hausse
        progressé progression plus supérieur aumentó aumento subió subieron creció crecimiento más ارتفع ارتفعت زاد
        زادت نمت نما
        """
    ),
    "down": _set(
        """
        fall fell fallen falls down decrease decreased decreases drop dropped drops decline declined declines less
        fewer lower below slipped slip shrank shrunk lost loses dipped reduced worse sank sanken gesunken fiel fielen
        gefallen rückgang weniger niedriger minus baisse baissé diminué reculé recul chute inférieur bajó bajaron cayó
        cayeron caída disminuyó descenso menos انخفض انخفضت تراجع تراجعت هبط هبطت
        """
    ),
    "difference": _set(
        """
        difference gap net remain remains remaining left leaves leaving empty missed miss short over under above below
        more less fewer than need needs needed longer shorter ahead behind late overrun excess lead leads beyond save
        saves rest reserve ago noch übrig reste restent quedan faltan gain grew rose fell rise down up vacant free spare
        increase decrease unter restant still open
        """
    ),
    "total": _set(
        """
        total totals totaled together combined sum both altogether overall all add adds added whole across so over
        joint jointly aggregate becomes become now with make makes made brought raised hold holds come comes had have
        insgesamt zusammen gesamt summe total ensemble somme juntos suma conjunto إجمالي مجموع معا استلم installed three four five six quarters months weeks several worth took drew used
        """
    ),
    "per": _set(
        """
        per average averages averaging each every mean apiece ratio times roas aov arpu cac cost costs lasts runway a an
        covers turned mal durchschnitt durchschnittlich pro je schnitt par chaque moyenne moyen por cada promedio media
        medio لكل متوسط every paid pays means brings brought visits about is
        """
    ),
    "mean": _set(
        "average averages averaging mean typical durchschnitt durchschnittlich schnitt moyenne moyen promedio media medio متوسط"
    ),
    "share": _set(
        """
        of rate share percent makes make conversion margin convert converts part portion fraction quote anteil von
        davon taux part dont soit tasa del porcentaje نسبة معدل or at is
        """
    ),
    "annual": _set(
        """
        annual annually annualized annualised annualizes annualises year yearly arr jährlich jahr an année annuel año
        anual سنويا سنة
        """
    ),
    "quarterly": _set("quarter quarterly quartal trimestre"),
    "monthly": _set("month monthly monat monatlich mois mensuel mes mensual"),
    "weekly": _set("week weekly woche wöchentlich semaine semana"),
    "daily": _set("day daily tag täglich jour día"),
    "half": _set("half halved halving halve hälfte moitié mitad نصف"),
    "double": _set("double doubled doubling twice verdoppelt doublé doble ضعف"),
    "latest": _set(
        """
        latest current currently now today recent newest presently aktuell aktuelle derzeit heute jetzt zuletzt letzten
        actuel actuelle actuellement maintenant dernière dernier actual actualmente ahora hoy última último الآن حاليا
        الحالي الأخير
        """
    ),
    "present": _set(
        "is are have has stands stand sits runs run serve serves count counts compte hay ist sind hat"
    ),
    "earlier": _set(
        "previous previously prior before earlier former vorher zuvor précédent anterior antes السابق ago initially"
    ),
    "product": _set(
        """
        weighted times with at brings bring alone make makes come comes to worth total monthly revenue potential payroll
        fees each up about in
        """
    ),
    "points": _set("points point pp prozentpunkte punkte puntos"),
}
"""What the words around a figure say of how it came about."""

ALL_CUES: dict[str, tuple[str, ...]] = {
    word: tuple(cue for cue, words in CUES.items() if word in words)
    for words in CUES.values()
    for word in words
}
"""From a word to the cues that it gives."""

SOURCES = _set(
    "from than vs versus against compared gegenüber nach von contre frente depuis desde of was were"
)
"""Words right before the older one of two amounts."""

PLAN_WORDS = _set(
    """
    target targets targeting aim aims goal goals objective if suppose assume assuming imagine should could would might
    may propose suggest recommend consider plan ziel sollten sollte könnten wenn falls vorschlag objectif devriez
    devrait pourrait si proposons objetivo debería podría ينبغي يجب هدف إذا hypothetical ideally realistic want would
    """
)
"""Words that make what follows in a sentence a plan or an assumption."""

HORIZON_WORDS = _set(
    """
    within next every coming following ahead least innerhalb nächsten kommenden prochain prochains prochaines sous
    próximos próximas dentro خلال القادمة
    """
)
"""Words right before a span of time that lies ahead."""

IMPERATIVES = _set(
    """
    aim target set allocate reserve limit cap test try add hire raise lower cut reduce increase improve grow boost lift
    trim decrease keep bring run launch start pilot offer send ask call schedule invest spend plan consider focus move
    review build create define make get push use give follow order begin escalate interview double lifting raising
    cutting halving moving test budget book commit shift put expect reach track introduce
    """
)
"""Verbs that make advice of a sentence they begin."""

PLANNED_NOUNS = _set(
    """
    plan sprint target goal horizon window review trial test ways way things steps priorities options areas ideas
    actions reasons questions levers days-plan pilot experiment reserve cap
    """
)
"""Nouns after a figure that make it part of a plan."""

NUMBERED = _set(
    """
    step phase option tier level stage part section chapter no nr number priority top version page figure table item
    point week day month quarter q h schritt étape paso
    """
)
"""Words after which a number says which one, and not how many."""

KPIS: tuple[tuple[frozenset[str], frozenset[str], frozenset[str]], ...] = (
    (_set("conversion"), _set("conversion order"), _set("session user visitor")),
    (_set("convert"), _set("conversion order"), _set("session user")),
    (_set("average order"), _set("revenue"), _set("conversion order")),
    (_set("aov"), _set("revenue"), _set("conversion order")),
    (_set("arpu"), _set("revenue mrr"), _set("user customer subscriber")),
    (_set("roas"), _set("revenue"), _set("spend")),
    (_set("margin"), _set("profit revenue"), _set("revenue cost")),
    (_set("runway"), _set("cash balance"), _set("burn cost")),
    (_set("churn"), _set("churned cancelled cancelledmember"), _set("subscriber member customer client")),
    (_set("return"), _set("return"), _set("order")),
    (_set("time"), _set("time"), _set("shipment delivery")),
    (_set("occupancy"), _set("occupied"), _set("unit room")),
    (_set("vacancy"), _set("occupied"), _set("unit room")),
    (_set("signup"), _set("signup"), _set("session user")),
    (_set("budget"), _set("spend actual"), _set("budget")),
    (_set("left"), _set("budget"), _set("spend")),
    (_set("plan"), _set("published completed"), _set("planned")),
    (_set("remain"), _set("published completed used"), _set("planned budget")),
)
"""Words of a ratio, with the labels of what is divided and of what it is divided by."""

# Claims beyond figures


def _inflected(words: dict[str, str]) -> dict[str, str]:
    """With the feminine and the plurals of French and Spanish participles."""
    forms = dict(words)
    for word, same in words.items():
        for ending, others in (("é", ("ée", "és", "ées")), ("ado", ("ada", "ados", "adas"))):
            if word.endswith(ending):
                forms |= {word.removesuffix(ending) + other: same for other in others}
        if word.endswith("ido"):
            forms |= {word.removesuffix("ido") + other: same for other in ("ida", "idos", "idas")}
    return forms


STATUSES: dict[str, str] = _inflected(
    _same(
        """
    approved: approved genehmigt freigegeben bewilligt approuvé approuvée aprobado aprobada aprovado aprovada معتمد تمت_الموافقة
    accepted: accepted angenommen akzeptiert accepté acceptée aceptado aceptada aceito aceita مقبول تم_قبول
    renewed: renewed erneuert verlängert renouvelé renouvelée renovado renovada تم_تجديد
    sent: sent gesendet geschickt envoyé envoyée تم_إرسال
    signed: signed unterzeichnet unterschrieben signé signée firmado firmada assinado assinada موقع تم_توقيع
    paid: paid settled bezahlt beglichen payé payée réglé réglée pagado pagada مدفوع تم_دفع تم_سداد
    overdue: overdue late past_due überfällig en_retard vencido vencida atrasado متأخر
    shipped: shipped dispatched versandt verschickt expédié expédiée enviado enviada تم_شحن
    delivered: delivered geliefert zugestellt livré livrée entregado entregada entregue تم_تسليم تم_توصيل
    pending: pending outstanding ausstehend en_attente pendiente معلق
    cancelled: cancelled canceled storniert abgesagt annulé annulée cancelado cancelada ملغى تم_إلغاء
    received: received erhalten eingegangen reçu reçue recibido recibida recebido recebida تم_استلام
    completed: completed finished done abgeschlossen fertig terminé terminée achevé completado terminado concluído concluída مكتمل
    rejected: rejected declined refused abgelehnt refusé rejeté rechazado rejeitado rejeitada مرفوض تم_رفض
    hired: hired eingestellt embauché embauchée contratado contratada
    open: open offen ouvert abierto
    resolved: resolved solved fixed gelöst behoben résolu résolue resuelto
    closed: closed geschlossen clos cerrado fechado fechada
    expired: expired abgelaufen expiré expirée expirado
    postponed: postponed rescheduled verschoben reporté reportée aplazado adiado adiada
    delayed: delayed verspätet retardé retrasado
    confirmed: confirmed bestätigt confirmé confirmée confirmado
    won: won gewonnen gagné ganado
    lost: lost verloren perdu perdido
    refunded: refunded erstattet remboursé reembolsado
    started: started begun begonnen gestartet commencé iniciado
    active: active aktiv actif activo
    in review: in_review under_review
    in transit: in_transit on_its_way unterwegs
    on hold: on_hold paused pausiert suspended
    """
    )
)
"""From a word or phrase to the status that it asserts."""

DENIALS = _set(
    """
    not never no yet hasn isn wasn aren weren haven hadn won didn doesn don couldn cannot without nicht kein keine nie pas non ne jamais nunca لم لن ليس غير
    will would can could should may might must shall once if when whether unless after until before awaiting expect
    expects expected expecting please to cannot wird werden kann soll wenn sobald sera pourra si será puede cuando
    needs need let ensure hope hopes soon
    """
)
"""Words that keep a status from being asserted: denied, yet to come, or a condition."""

ASSERTS = _set(
    """
    is was were are been has have had having be being now already still got ist war wurde wurden sind bereits noch est a été
    sont fue está ha sido ya foi já تم كان
    """
)
"""Words before a status that assert it."""

GREETINGS = _set(
    "dear hi hello hey hallo liebe lieber herr frau bonjour cher chère madame monsieur hola estimado estimada عزيزي"
)
TITLES = _set("mr mrs ms dr prof sir madam mister herr frau madame monsieur señor señora")

FUNCTION_WORDS = _set(
    """
    the a an this that these those we i you our your my in on at for with from to of and or if as by it its is are was
    be please thank thanks best kind warm regards sincerely yours truly faithfully cordially dear hi hello hey good
    morning afternoon evening today tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday
    all any both each no yes ok first second third also however therefore unfortunately once currently attached
    regarding concerning looking forward hope let kindly quick here there when while after before since until because
    meanwhile additionally finally next last great could can would should will may has have had been not but so then
    both our their his her he she they us me
    freundliche freundlichen grüsse grüssen gruss distinti cordiali saluti gentile gentili buongiorno egregio grazie
    prezado prezada atenciosamente obrigado olá bom dia einen schönen einem einer eines meine seine ihre unsere unser
    il lo gli i della dello per con questo questa nel nella du des au aux ce cette ces leur leurs son sa ses mon ma
    mes dans avec pour sur al del una uno esta este estos estas
    sehr geehrte geehrter geehrten damen herren guten tag hallo liebe lieber mit freundlichen grüßen gruß herzliche
    viele beste das der die ein eine dem den wir sie ich bitte danke bonjour bonsoir madame monsieur cher chère
    cordialement merci bien à vous nous la le les un une votre notre hola buenos días estimado estimada señor señora
    saludos cordiales gracias el los las su nuestro herr frau mr mrs ms dr prof
    """
)
"""Words in capitals that are no part of a name: greetings, the calendar, the beginnings of sentences."""

GENERIC = _set(
    """
    news day week month year team teams sales support service services customer customers client clients success
    account accounts finance department office manager management director hiring human resources marketing operations
    billing project projects purchase order orders invoice invoices ticket tickets contract contracts agreement deal
    deals status stage summary subject follow up steps step action actions item items note notes key points overview
    recommendation recommendations risk risks blocker blockers meeting agenda update report reminder request
    confirmation notice details information rechnung auftrag vertrag facture pedido email e-mail phone re fwd ceo cfo
    cmo cto hr it pdf crm erp csv api high medium low priority total heads goal goals target revenue budget
    """
)
"""Words in capitals that name nobody where they stand alone: offices, documents, headings."""
