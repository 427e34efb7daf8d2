"""Arabic. Each page has a file of its own, and a line here."""

from collections.abc import Mapping

from officium.web.console.texts.arabic import (
    advisors,
    audit,
    budgets,
    cashflow,
    clients,
    frame,
    home,
    keys,
    members,
    prompts,
    providers,
    requests,
    rules,
    settings,
    sign_in,
    widgets,
    writer,
)

ARABIC: Mapping[str, str] = {
    **frame.TEXTS,
    **sign_in.TEXTS,
    **home.TEXTS,
    **advisors.TEXTS,
    **keys.TEXTS,
    **members.TEXTS,
    **audit.TEXTS,
    **settings.TEXTS,
    **rules.TEXTS,
    **cashflow.TEXTS,
    **widgets.TEXTS,
    **budgets.TEXTS,
    **clients.TEXTS,
    **prompts.TEXTS,
    **writer.TEXTS,
    **requests.TEXTS,
    **providers.TEXTS,
}
