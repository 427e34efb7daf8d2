"""The cash-flow pages."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.cashflow": "Cash flow",
    "flash.cashflow_sample": (
        "The sample pipeline is in. Its deals are invented; delete them when you bring your own."
    ),
    "flash.cashflow_settings": "Saved. Forecasts follow the new settings from now on.",
    "flash.deal_saved": "The deal is saved.",
    "flash.deal_deleted": "The deal is deleted, with its notes.",
    "flash.terms_saved": "The terms are saved. Forecasts follow them from now on.",
    "flash.note_saved": "The note is saved.",
    "flash.note_deleted": "The note is deleted.",
    "flash.prediction_kept": "The prediction is kept. It will be scored as reality arrives.",
    "flash.scenario_kept": "The comparison is kept among your runs.",
    "flash.forecast_kept": "The forecast of this moment is kept. It is scored as its periods end.",
    "cashflow.title": "Cash flow",
    "cashflow.lead": "What {count} open deals will bring in, as of {day}.",
    "cashflow.tabs": "Parts of cash flow",
    "cashflow.tab.forecast": "Forecast",
    "cashflow.tab.deals": "Deals",
    "cashflow.tab.scenarios": "What if",
    "cashflow.tab.record": "Track record",
    "cashflow.tab.assumptions": "Assumptions",
    "cashflow.tab.settings": "Settings",
    "cashflow.import": "Import",
    "cashflow.read_only": "You may look at this, but not change it. An administrator can change your role.",
    "cashflow.offline": "The server cannot be reached. Check your connection, then try again.",
    "cashflow.save": "Save",
    "cashflow.cancel": "Cancel",
    "cashflow.show": "Show",
    "cashflow.search": "Search",
    "cashflow.more": "Show more",
    "cashflow.change": "Change this",
    "cashflow.all": "All",
    "cashflow.days": "{count} days",
    "cashflow.excel": "Excel",
    "cashflow.csv": "CSV",
    # Nothing there yet
    "cashflow.empty.title": "See what comes in, and when",
    "cashflow.empty.lead": (
        "Bring your pipeline. Officium learns from the deals that have closed how long yours take to be "
        "invoiced and paid, and forecasts the open ones: with ranges, reasons and a track record."
    ),
    "cashflow.empty.own": "Bring your own pipeline",
    "cashflow.empty.own_hint": (
        "An export of your CRM as CSV or Excel. You see how it is read before anything is saved."
    ),
    "cashflow.empty.sample": "Look around first",
    "cashflow.empty.sample_hint": (
        "288 invented deals of ten customers, 240 of them closed, so that there is something to learn from."
    ),
    "cashflow.empty.sample_submit": "Use the sample pipeline",
    "cashflow.empty.one": "Or begin by hand:",
    # The forecast
    "cashflow.filter": "What to forecast",
    "cashflow.pipeline": "Pipeline",
    "cashflow.currency": "Currency",
    "cashflow.by": "Sum up by",
    "cashflow.by.week": "Week",
    "cashflow.by.month": "Month",
    "cashflow.basis": "Count",
    "cashflow.basis.payment": "Payments",
    "cashflow.basis.invoice": "Invoices",
    "cashflow.horizon": "Look ahead",
    "cashflow.certainty": "Confidence",
    "cashflow.certainty.at_least": "At least {share}",
    "cashflow.watch": "Watch an account",
    "cashflow.watch.hint": (
        "Say what is on the account and what goes out. You see how probable it is that it falls "
        "under your limit."
    ),
    "cashflow.watch.currency": "Currency",
    "cashflow.watch.opening": "On the account today",
    "cashflow.watch.outgoing": "Goes out each period",
    "cashflow.watch.limit": "Not to fall under",
    "cashflow.no_history": (
        "No deal has closed yet, so these dates are the documented constants. Import closed deals with their "
        "invoice and payment days, and the forecast becomes yours."
    ),
    "cashflow.as_of.label": "How fresh these figures are",
    "cashflow.as_of.made": "Computed on",
    "cashflow.as_of.again": "Compute again",
    "cashflow.as_of.stale": (
        "Deals, settings or backtests have changed since these figures were computed. Compute them again to "
        "see what that does."
    ),
    "cashflow.as_of.stale_day": "These figures are of another day. Compute them again to see today's.",
    "cashflow.as_of.old": "Being computed again. Until then you see the figures of",
    "cashflow.as_of.failed": (
        "The figures could not be computed ({code}). Try again; if it happens twice, ask whoever runs "
        "the server."
    ),
    "cashflow.progress.label": "How far the computing has come",
    "cashflow.progress.read": "Step 1 of 3: reading the deals, and learning from those that closed",
    "cashflow.progress.add": "Step 2 of 3: adding up thousands of possible futures",
    "cashflow.progress.date": "Step 3 of 3: dating the open deals",
    "cashflow.progress.look": "Look again",
    "cashflow.waiting.lead": (
        "Working out what {count} open deals will bring in. This page follows by itself."
    ),
    "cashflow.nothing": "No open deal fits",
    "cashflow.nothing_hint": "Choose another pipeline or currency, or import open deals.",
    "cashflow.sum.payment": "Payments in {currency}",
    "cashflow.sum.invoice": "Invoices in {currency}",
    "cashflow.fact.expected": "Expected within {days} days",
    "cashflow.fact.range": "8 of 10 times between {low} and {high}",
    "cashflow.fact.overdue": "Overdue today",
    "cashflow.fact.invoices": "Invoices past their terms: {count}",
    "cashflow.fact.no_overdue": "Nothing is overdue",
    "cashflow.fact.beyond": "Later or never",
    "cashflow.fact.beyond_hint": "What the open deals are worth beyond that",
    "cashflow.series.expected": "Expected",
    "cashflow.series.p10": "P10",
    "cashflow.series.p50": "P50",
    "cashflow.series.p90": "P90",
    "cashflow.series.limit": "Limit",
    "cashflow.series.base": "As it is",
    "cashflow.series.scenario": "With the changes",
    "cashflow.series.actual": "Came in",
    "cashflow.chart.hint": "Point at the chart to read a period.",
    "cashflow.chart.label": (
        "Chart of the expected cash in {currency} with its range; the table beside it has the figures."
    ),
    "cashflow.table.label": "Expected cash in {currency} by period",
    "cashflow.account": "The account in {currency}",
    "cashflow.account.below": "probability to fall under {limit} at the end of a period within {days} days",
    "cashflow.account.lowest": (
        "Its lowest balance is most likely about {p50}, and 8 of 10 times between {p10} and {p90}."
    ),
    "cashflow.account.lowest_short": "Its lowest balance is most likely about {p50}",
    "cashflow.account.label": (
        "Chart of the balance in {currency} with its range and the limit; the table beside it has "
        "the figures."
    ),
    "cashflow.account.table": "The balance at the end of each period",
    "cashflow.account.risk": "Under limit",
    "cashflow.levers": "What would help most",
    "cashflow.levers.hint": "What would lift the lowest expected balance most.",
    "cashflow.levers.none": "No single step is known that would lift the lowest expected balance.",
    "cashflow.levers.try": "Try them out",
    "cashflow.levers.pull": "Try it",
    "cashflow.overdue": "Overdue",
    "cashflow.overdue.tag": "Overdue",
    "cashflow.overdue.hint": (
        "Invoiced, and not paid within the terms. The forecast expects them as late as such invoices "
        "have been."
    ),
    "cashflow.overdue.first": "Listed are the {count} that are the longest overdue.",
    "cashflow.deal": "Deal",
    "cashflow.customer": "Customer",
    "cashflow.value": "Value",
    "cashflow.stage": "Stage",
    "cashflow.since": "Since",
    "cashflow.due_on": "Due",
    "cashflow.days_overdue": "Days late",
    "cashflow.dated": "Deals and their dates",
    "cashflow.dated.hint": "The next to be paid first. Open a deal to see why.",
    "cashflow.dated.newer": "The figures have been computed again since you opened this page.",
    "cashflow.dated.reload": "Begin anew",
    "cashflow.invoice": "Invoice",
    "cashflow.invoice.sent": "Sent",
    "cashflow.invoice_date": "Invoice expected",
    "cashflow.payment_date": "Payment expected",
    "cashflow.payment_range": "8 of 10 times between",
    "cashflow.no_range": "No range yet",
    "cashflow.between": "8 of 10 times between {low} and {high}",
    "cashflow.confidence": "Confidence",
    "cashflow.filtered": "Not dated here",
    "cashflow.filtered.hint": "These deals are left out of the list above, but not lost. Why:",
    "cashflow.filtered.elsewhere": "Another {count} open deals belong to other pipelines or currencies.",
    "cashflow.filtered.none": "Every open deal is counted.",
    "cashflow.reason": "Why",
    "cashflow.reason.no_date": "No date",
    "cashflow.reason.low_confidence": "Not sure enough",
    "cashflow.reason.beyond_horizon": "Later than you look ahead",
    "cashflow.detail.no_date": (
        "Nothing is known of the stage {stage}. Give it its usual days in the settings."
    ),
    "cashflow.detail.low_confidence": "Its confidence is {confidence}; you asked for at least {least}.",
    "cashflow.detail.beyond_horizon": "Nothing is expected of it within {days} days.",
    "cashflow.keep": "Keep this forecast",
    "cashflow.keep_hint": "As it is at this moment, to be held against what comes in. See the track record.",
    "cashflow.calendar": "Payments wait for the working days of {country}.",
    "cashflow.no_calendar": "Payments may come on any day: no country's holidays are chosen.",
    "cashflow.fault.amount": "{said} is no amount. Write it like {example}.",
    "cashflow.fault.certainty": "The confidence is a share between 0 and 1.",
    "cashflow.fault.day": "Write days as year-month-day, such as 2026-11-21.",
    "cashflow.fault.file": "Choose a file that ends in .csv, .xlsx or .json.",
    # Deals
    "cashflow.deals.lead": "{count} deals, {open} of them open. Closed ones teach the forecast.",
    "cashflow.deals.search": "Search the deals",
    "cashflow.deals.text": "Title",
    "cashflow.deals.found": "Found",
    "cashflow.deals.none": "No deal fits",
    "cashflow.deals.none_hint": "Search for less, or import deals.",
    "cashflow.status": "Status",
    "cashflow.status.open": "Open",
    "cashflow.status.invoiced": "Invoiced",
    "cashflow.status.paid": "Paid",
    "cashflow.status.lost": "Lost",
    "cashflow.drawer": "Why this deal is expected when it is",
    "cashflow.drawer.close": "Close",
    "cashflow.drawer.busy": "Loading",
    "cashflow.deal.new": "New deal",
    "cashflow.deal.new_hint": "A title and a stage are enough to begin with.",
    "cashflow.deal.edit": "Edit",
    "cashflow.deal.open": "Open",
    "cashflow.deal.delete": "Delete",
    "cashflow.deal.delete_sure": (
        "The deal goes with its notes, and teaches the forecast no more. This cannot be undone."
    ),
    "cashflow.deal.delete_now": "Delete for good",
    "cashflow.deal.when": "When",
    "cashflow.deal.sure": "The payment comes within a week of that day with a probability of {share}.",
    "cashflow.deal.probable": "The deal is invoiced at all with {share}.",
    "cashflow.deal.why": "Why",
    "cashflow.deal.otherwise": "What would change it",
    "cashflow.deal.history": "What happened",
    "cashflow.deal.closed": "This deal is closed. What happened in it teaches the forecast of the others.",
    "cashflow.deal.unknown": (
        "Nothing is known of the stage {stage} yet. Give it its usual days in the settings."
    ),
    "cashflow.method.rule": "By documented rules",
    "cashflow.method.llm": "Read by a model",
    "cashflow.method.statistics": "From your closed deals",
    "cashflow.notes": "Notes",
    "cashflow.notes.none": "No notes yet.",
    "cashflow.note.new": "A new note",
    "cashflow.note.add": "Add the note",
    "cashflow.note.delete": "Delete the note of {day}",
    "cashflow.created_on": "Created",
    "cashflow.stage_changed_on": "In this stage since",
    "cashflow.expected_close_on": "Expected to close",
    "cashflow.invoiced_on": "Invoiced",
    "cashflow.paid_on": "Paid",
    "cashflow.lost_on": "Lost",
    "cashflow.field.title": "Title",
    "cashflow.field.stage": "Stage",
    "cashflow.field.pipeline": "Pipeline",
    "cashflow.field.customer": "Customer",
    "cashflow.field.owner_name": "Owner",
    "cashflow.field.external_id": "Id elsewhere",
    "cashflow.field.external_id_hint": "An import finds the deal by it",
    "cashflow.field.note": "Note",
    "cashflow.field.value": "Value",
    "cashflow.field.value_hint": "Such as {example}",
    "cashflow.field.currency": "Currency",
    "cashflow.field.currency_hint": "Three letters, such as SAR",
    "cashflow.field.created_on": "Created",
    "cashflow.field.stage_changed_on": "In this stage since",
    "cashflow.field.expected_close_on": "Expected to close",
    "cashflow.field.invoiced_on": "Invoiced",
    "cashflow.field.paid_on": "Paid",
    "cashflow.field.lost_on": "Lost",
    "cashflow.field.payment_terms_days": "Payment terms in days",
    "cashflow.field.payment_terms_days_hint": "Empty: those of the customer, or yours",
    "cashflow.field.stage_history": "Stage history",
    "cashflow.field.days_hint": "Days that are left empty are taken from the stage where it says so.",
    "cashflow.fault.terms": "Payment terms are whole days from 0 to 3,650, or empty.",
    "cashflow.customers.title": "Customers",
    "cashflow.customers.lead": (
        "The terms agreed with each count for its deals without their own. Empty: your usual {days} days."
    ),
    "cashflow.customers.terms_of": "Payment terms of {customer} in days",
    "cashflow.customers.none": "No customers yet. They come with the deals that name them.",
    # Import
    "cashflow.import.title": "Import deals",
    "cashflow.import.lead": (
        "All rows come in, or none. You see how the file is read before anything is saved."
    ),
    "cashflow.import.file": "Choose a file",
    "cashflow.import.file_hint": (
        "Export closed deals with their invoice and payment days, too: they are what the forecast "
        "learns from."
    ),
    "cashflow.import.choose": "Choose a file, or drop it here",
    "cashflow.import.kinds": "CSV, Excel (.xlsx) or JSON, up to 10 MB and 50,000 rows",
    "cashflow.import.busy": "Reading the file",
    "cashflow.import.columns": "Which column is what",
    "cashflow.import.columns_hint": (
        "Columns were matched by their names. Change what is wrong, then read again."
    ),
    "cashflow.import.unmapped": (
        "Choose which columns hold the title and the stage of a deal, then read again."
    ),
    "cashflow.import.unused": "Columns of the file that are not used:",
    "cashflow.import.needed": "Needed",
    "cashflow.import.no_column": "Not in this file",
    "cashflow.import.date_order": "Days are written",
    "cashflow.import.date_order.ymd": "year, month, day",
    "cashflow.import.date_order.dmy": "day, month, year",
    "cashflow.import.date_order.mdy": "month, day, year",
    "cashflow.import.decimal_mark": "Decimal mark",
    "cashflow.import.as_found": "As found",
    "cashflow.import.sheet": "Sheet",
    "cashflow.import.again": "Read again",
    "cashflow.import.check": "Check",
    "cashflow.import.right": "Rows that are right: {count}",
    "cashflow.import.wrong": "Wrong: {count}",
    "cashflow.import.nothing_yet": (
        "Nothing is imported while a row is wrong. Correct the file and choose it again, or map "
        "other columns."
    ),
    "cashflow.import.problems": "What is wrong",
    "cashflow.import.row": "Row",
    "cashflow.import.column": "Column",
    "cashflow.import.problem": "Problem",
    "cashflow.import.first": "The first deals, as they would be kept",
    "cashflow.import.take": "Import all {count}",
    "cashflow.import.no_rows": "The file has no deals.",
    "cashflow.import.done": "Imported",
    "cashflow.import.did": "New: {added}. Changed: {updated}. Unchanged: {unchanged}. Notes added: {notes}.",
    "cashflow.import.see": "See the forecast",
    # Settings
    "cashflow.settings.title": "How you work",
    "cashflow.settings.lead": "What the forecast goes by where your own closed deals do not tell yet.",
    "cashflow.settings.calendar": "Money and calendar",
    "cashflow.settings.country": "Country of the bank",
    "cashflow.settings.no_country": "None: payments come on any day",
    "cashflow.settings.country_hint": "Payments wait for its next working day.",
    "cashflow.settings.subdivision": "Part of the country",
    "cashflow.settings.subdivision_hint": "Its code, such as BY for Bavaria, if holidays differ",
    "cashflow.settings.time_zone": "Time zone",
    "cashflow.settings.time_zone_hint": "Where your day begins, such as Asia/Riyadh",
    "cashflow.settings.currency_hint": "Of deals that are brought without one",
    "cashflow.settings.terms_hint": "From the invoice to the payment, where nothing else is agreed",
    "cashflow.settings.stages": "Stages",
    "cashflow.settings.stage_days": "Days from a stage to the invoice",
    "cashflow.settings.stage_days_hint": "A line for each stage, such as Order Received: 10",
    "cashflow.settings.invoiced_stages": "Stages that say invoiced",
    "cashflow.settings.invoiced_stages_hint": "A line for each; entering one dates the invoice",
    "cashflow.settings.paid_stages": "Stages that say paid",
    "cashflow.settings.paid_stages_hint": "A line for each; entering one dates the payment",
    "cashflow.settings.lost_stages": "Stages that say lost",
    "cashflow.settings.lost_stages_hint": "A line for each; entering one ends the deal",
    # What if
    "cashflow.scenarios.title": "What if",
    "cashflow.scenarios.lead": (
        "Change something, and see what it does to the cash. Nothing is saved in your deals."
    ),
    "cashflow.scenarios.of": "Compared: {pipeline}, the next {days} days.",
    "cashflow.scenarios.account": "With the account you watch.",
    "cashflow.scenarios.no_account": "Watch an account to get suggestions that fit it.",
    "cashflow.scenarios.changes": "Changes",
    "cashflow.scenarios.none": "No changes yet.",
    "cashflow.scenarios.new": "Add a change",
    "cashflow.scenarios.remove": "Take back: {change}",
    "cashflow.scenarios.delay": "A customer pays later",
    "cashflow.scenarios.days_later": "Days later (negative: sooner)",
    "cashflow.scenarios.terms": "A customer gets other terms",
    "cashflow.scenarios.deal": "A deal is lost, or invoiced",
    "cashflow.scenarios.on": "Invoice day",
    "cashflow.scenarios.lose": "Lose it",
    "cashflow.scenarios.invoice": "Invoice it",
    "cashflow.scenarios.add": "Add",
    "cashflow.scenarios.unknown": "Nothing open is known of: {names}. These changes change nothing.",
    "cashflow.scenarios.within": "within {days} days: {after} instead of {before}",
    "cashflow.scenarios.label": (
        "Chart of the expected cash in {currency}, as it is and with the changes; the table below "
        "has the figures."
    ),
    "cashflow.scenarios.same": "No change",
    "cashflow.scenarios.difference": "Difference",
    "cashflow.scenarios.keep": "Keep this comparison",
    "cashflow.scenarios.begin": "Add a change to compare",
    "cashflow.scenarios.begin_hint": (
        "Delay a customer, lose a deal, agree other terms, or try one of the suggestions."
    ),
    "cashflow.scenario.nothing": "Add a change first.",
    "cashflow.change.delay_customer": "{customer} pays {days} days later",
    "cashflow.change.hasten_customer": "{customer} pays {days} days sooner",
    "cashflow.change.change_terms": "{customer} gets terms of {days} days",
    "cashflow.change.lose_deal": "{deal} is lost",
    "cashflow.change.invoice_deal": "{deal} is invoiced on {on}",
    # Track record
    "cashflow.record.title": "Track record",
    "cashflow.record.lead": "How good such forecasts have been, measured on your own past.",
    "cashflow.record.replay": "Replay the past",
    "cashflow.record.replay_hint": (
        "Forecasts from the first days of six months, with only what was known on each, and compares "
        "with what came."
    ),
    "cashflow.record.run": "Run the backtest",
    "cashflow.record.which": "Which backtest",
    "cashflow.record.scores": "Backtest of {day}",
    "cashflow.record.days": "{days} days off",
    "cashflow.record.verdict": (
        "on average over {count} payments; {within} within a week, {coverage} between P10 and P90 (8 "
        "of 10 is right)"
    ),
    "cashflow.record.method": "Way to forecast",
    "cashflow.record.model": "Officium",
    "cashflow.record.baseline.constants": "Documented constants",
    "cashflow.record.baseline.averages": "Your averages",
    "cashflow.record.baseline.customer_averages": "Each customer's average",
    "cashflow.record.deals": "Deals",
    "cashflow.record.mae": "Days off",
    "cashflow.record.within": "Within a week",
    "cashflow.record.coverage": "In range",
    "cashflow.record.wape": "Cash error {currency}",
    "cashflow.record.terms": (
        "Cash error: the errors of all weeks over the cash that came (WAPE); smaller is better. "
        "Averages have no range."
    ),
    "cashflow.record.nothing": "Nothing could be scored",
    "cashflow.record.nothing_hint": (
        "A backtest needs deals that were open on those days and have been paid since. Import more "
        "closed deals with their days."
    ),
    "cashflow.record.still_open": "{count} forecasts have no outcome yet.",
    "cashflow.record.weeks": "{currency} as forecast on {day}, and as it came",
    "cashflow.record.origin": "Forecast from",
    "cashflow.record.label": (
        "Chart of the weekly cash in {currency} as it was forecast and as it came; the table beside "
        "it has the figures."
    ),
    "cashflow.record.span": "P10 to P90",
    "cashflow.record.week_coverage": "Of all weeks of this backtest, {share} came in between P10 and P90.",
    "cashflow.record.calibration": "Does confidence mean what it says?",
    "cashflow.record.calibration_hint": (
        "Of the dates stated with such a confidence, so many were right within a week. The average "
        "gap is {error}."
    ),
    "cashflow.record.bin": "Stated",
    "cashflow.record.count": "Dates",
    "cashflow.record.stated": "On average",
    "cashflow.record.right": "Were right",
    "cashflow.record.bar": "As a bar",
    "cashflow.record.none": "No backtest yet",
    "cashflow.record.none_hint": (
        "Run one to see how far off forecasts would have been, beside three naive ones."
    ),
    "cashflow.record.kept": "Predictions that were kept",
    "cashflow.record.kept_hint": "Each stays as it was made, and is scored with every payment that arrives.",
    "cashflow.record.kept_none": "None yet. Keep one under",
    "cashflow.record.made": "Made",
    "cashflow.record.paid": "Paid since",
    "cashflow.record.bias": "Too late (+) or early (-)",
    "cashflow.record.earlier": "Earlier ones",
    "cashflow.scored.title": "Forecasts that were kept",
    "cashflow.scored.hint": (
        "Forecasts and what-if comparisons, against the cash that has come in since. Only periods that are "
        "over count."
    ),
    "cashflow.scored.what": "What",
    "cashflow.scored.kind.forecast": "Forecast",
    "cashflow.scored.kind.scenario": "What if",
    "cashflow.scored.all": "All pipelines",
    "cashflow.scored.periods": "Periods over",
    "cashflow.scored.wape": "Cash error",
    "cashflow.scored.not_yet": "Nothing to score yet: its first period ends on {day}.",
    "cashflow.scored.terms": (
        "Cash error: the errors of all periods over the cash that came (WAPE); smaller is better. In range: "
        "periods between P10 and P90; 8 of 10 is right."
    ),
    "cashflow.scored.none": "None yet. Keep one under",
    "cashflow.scored.one": "The forecast of {day}, and what came",
    "cashflow.scored.base": (
        "Scored is the forecast without the changes: nobody knows what they would have done."
    ),
    "cashflow.scored.few": (
        "Periods that are over: {count}. That is too few to judge by; chance decides more than the method."
    ),
    "cashflow.scored.nothing_came": "No cash has come in these periods, so there is no error to state.",
    "cashflow.scored.verdict": (
        "cash error: {expected} expected, {actual} came; {coverage} of {count} periods in range"
    ),
    "cashflow.scored.deals": "Deals it counted: {count}. Of those still open: {open}. Lost: {lost}.",
    # In words
    "cashflow.quoted": "“{name}”",
    "cashflow.counted": "{what}: {count} deals",
    "cashflow.rule.invoiced": "Invoiced already: the invoice has the day of the stage change.",
    "cashflow.rule.stage_average": "No history and no model: the stage's average time.",
    "cashflow.rule.low_confidence": "The model was too unsure: the stage's average time instead.",
    "cashflow.rule.stuck": "Stuck in its stage for more than 60 days: 14 days were added.",
    "cashflow.rule.invoice_after_today": "The predicted invoice date had passed: moved to what can still be.",
    "cashflow.rule.payment_after_invoice": (
        "The predicted payment came before its invoice: the payment terms instead."
    ),
    "cashflow.rule.history": "Dated by how your closed deals went.",
    "cashflow.rule.signal": "A note moved the dates, as notes have proved right before.",
    "cashflow.said.invoiced": (
        "Invoiced on {day_invoice}, payment most likely by {day_paid} (between {day_low} and {day_high})."
    ),
    "cashflow.said.in_stage": (
        "{count_days} days in {name_stage}: invoiced most likely by {day_invoice} (between "
        "{day_low} and {day_high}), if at all ({share_ever}), and paid by {day_paid}."
    ),
    "cashflow.said.no_deal_yet": (
        "No deal has gone through {name_stage} yet: the documented constant counts."
    ),
    "cashflow.said.stage_deals": (
        "Invoice: {count_deals} deals went through {name_stage}, {count_here} of them in this "
        "pipeline; the documented constant still counts {share_constant}."
    ),
    "cashflow.said.no_payment_yet": "Payment: no invoice has been paid yet, so the documented terms count.",
    "cashflow.said.payments": (
        "Payment: {count_customer} payments of this customer and {count_all} of all; the "
        "documented terms still count {share_terms}."
    ),
    "cashflow.said.pays_later": "It pays about {count_days} days later than the others.",
    "cashflow.said.pays_sooner": "It pays about {count_days} days sooner than the others.",
    "cashflow.said.due": (
        "Invoiced on {day_invoice}; payment is due {count_days} days later, on {day_paid}."
    ),
    "cashflow.said.overdue": (
        "Invoiced on {day_invoice}; payment is due {count_days} days later, on {day_paid}; that "
        "was {count_late} days ago, so it is overdue."
    ),
    "cashflow.said.terms": "Payment terms of {count_days} days.",
    "cashflow.said.average": (
        "Deals in {name_stage} are invoiced after {count_days} days on average, and paid "
        "{count_terms} days later."
    ),
    "cashflow.said.stage_days": "{count_days} days from {name_stage} to the invoice.",
    "cashflow.said.unsure": "The model was {share_sure} sure, too little to rely on.",
    "cashflow.said.stuck": ("{count_age} days in {name_stage}: stuck, so {count_days} days were added."),
    "cashflow.said.moved": ("{day_said} is not after today, so the invoice was moved to {day_moved}."),
    "cashflow.said.note": "A note moved it: {words_quotes}.",
    "cashflow.said.model_silent": "The model gave no reason.",
    "cashflow.said.no_invoice_date": "No invoice date",
    "cashflow.said.invoice_not_after": "Invoice date is not after today",
    "cashflow.said.invoice_far": "Invoice date >1 year in future",
    "cashflow.said.invoice_old": "Invoice date >1 year in past",
    "cashflow.said.no_payment_date": "No payment date",
    "cashflow.said.payment_not_after": "Payment date is not after invoice date",
    "cashflow.said.payment_far": "Payment date >1 year after invoice date",
    "cashflow.said.payment_past": "Payment date is in the past",
    "cashflow.otherwise.invoiced_now": "If it were invoiced tomorrow, {change}.",
    "cashflow.otherwise.typical_customer": "If its customer paid as a typical one does, {change}.",
    "cashflow.otherwise.just_entered_stage": "If it had entered its stage only today, {change}.",
    "cashflow.otherwise.terms": "If payment terms of 14 days were agreed, {change}.",
    "cashflow.otherwise.sooner": "payment would come {days} days sooner",
    "cashflow.otherwise.later": "payment would come {days} days later",
    "cashflow.otherwise.same": "payment would come on the same day",
    "cashflow.otherwise.more": "{change}, and be {share} more probable",
    "cashflow.otherwise.less": "{change}, and be {share} less probable",
    "cashflow.lever.collect_sooner": "Get {customer} to pay {days} days sooner",
    "cashflow.lever.shorten_terms": "Agree terms of {days} days with {customer}",
    "cashflow.lever.invoice_now": "Invoice {deal} of {customer} tomorrow",
    "cashflow.lever.nobody": "an unnamed customer",
    "cashflow.lever.lift": "{what}: the lowest expected balance rises by {lift}.",
    # Assumptions
    "cashflow.assumptions.title": "Assumptions",
    "cashflow.assumptions.lead": "On what a prediction rests, in words.",
    "cashflow.assumptions.predict": "Predict and keep",
    "cashflow.assumptions.predict_hint": (
        "Dates every open deal and keeps the result, so that it can be explained now and scored later."
    ),
    "cashflow.assumptions.use_llm": "Let a model read the notes",
    "cashflow.assumptions.submit": "Predict",
    "cashflow.assumptions.report": "Prediction of {day}",
    "cashflow.assumptions.deals": "Deals dated",
    "cashflow.assumptions.filtered": "{count} left out",
    "cashflow.assumptions.confidence": "Confidence",
    "cashflow.assumptions.confidence_hint": "On average, to be right within a week",
    "cashflow.assumptions.unsure": "Rests on unsure dates, {currency}",
    "cashflow.assumptions.of": "of {value}",
    "cashflow.assumptions.who": "Who set the dates",
    "cashflow.assumptions.method.rule": "The documented rules: {count} deals",
    "cashflow.assumptions.method.llm": "A model that read the deal: {count} deals",
    "cashflow.assumptions.method.statistics": "Your own closed deals: {count} deals",
    "cashflow.assumptions.rules": "Rules that had a say",
    "cashflow.assumptions.assumed": "What was assumed",
    "cashflow.assumptions.count": "{count} deals",
    "cashflow.assumptions.warnings": "Warnings",
    "cashflow.assumptions.each": "Deal by deal",
    "cashflow.assumptions.none": "No prediction has been kept yet",
    "cashflow.assumptions.none_hint": "Predict once, and read here on what it rests.",
}
