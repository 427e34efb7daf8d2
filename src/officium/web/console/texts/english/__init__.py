"""English. Each page has a file of its own, and a line here."""

from collections.abc import Mapping

from officium.web.console.texts.english import (
    advisors,
    audit,
    budgets,
    cashflow,
    clients,
    first_steps,
    frame,
    keys,
    members,
    overview,
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

ENGLISH: Mapping[str, str] = {
    **frame.TEXTS,
    **sign_in.TEXTS,
    **first_steps.TEXTS,
    **overview.TEXTS,
    **requests.TEXTS,
    **providers.TEXTS,
    **advisors.TEXTS,
    **rules.TEXTS,
    **cashflow.TEXTS,
    **widgets.TEXTS,
    **widget_knowledge.TEXTS,
    **widget_inbox.TEXTS,
    **clients.TEXTS,
    **budgets.TEXTS,
    **prompts.TEXTS,
    **writer.TEXTS,
    **keys.TEXTS,
    **members.TEXTS,
    **audit.TEXTS,
    **settings.TEXTS,
}
