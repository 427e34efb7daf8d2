"""The first steps."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "nav.home": "Overview",
    "flash.first_widget": "The client and the widget are there.",
    "flash.guide_hidden": "The first steps are put away. You find them again at the end of this page.",
    "steps.title": "First steps",
    "steps.welcome": "Welcome, {name}",
    "steps.lead": (
        "Five short steps, from nothing to an answer, a key and a widget. Leave and come back whenever "
        "you like."
    ),
    "steps.lead_others": "Ask a first question, and see where everything is counted.",
    "steps.progress": "Steps done",
    "steps.count": "{done} of {all} done",
    "steps.done": "Done",
    "steps.go_on": "Go on",
    "steps.skip": "Not now",
    "steps.copy": "Copy",
    "steps.copied": "Copied",
    "steps.hide": "Do not show this again",
    "steps.hide_hint": "You find it again at the end of the overview.",
    "steps.show_again": "Show this by itself again",
    "steps.hidden_hint": "You put the first steps away; they open only when you ask for them.",
    "steps.reminder": "First steps, {left} left. Next:",
    "steps.step.provider": "Connect a provider",
    "steps.step.ask": "Ask a first question",
    "steps.step.key": "Make a key for a program",
    "steps.step.widget": "Add a client and a widget",
    "steps.step.cost": "See what it costs",
    "steps.provider.lead": (
        "Choose who runs the models you want to use, and paste the key you have from there. We ask it one"
        " short question at once, and keep the key only if an answer comes."
    ),
    "steps.provider.ready": "Ready",
    "steps.provider.another": "Connect another one",
    "steps.provider.which": "Provider",
    "steps.provider.choose": "Choose …",
    "steps.provider.key": "Its key",
    "steps.provider.key_hint": (
        "You make it on the provider's website. It is stored encrypted and never shown again. One that "
        "runs on your own machine may need none."
    ),
    "steps.provider.more": "Model and address",
    "steps.provider.model": "Model",
    "steps.provider.model_hint": "Leave it empty for the provider's usual one.",
    "steps.provider.address": "Address",
    "steps.provider.address_hint": "Only for a server of your own, such as http://localhost:11434/v1.",
    "steps.provider.submit": "Connect and check",
    "steps.provider.checking": "Asking the provider …",
    "steps.provider.refused": "It is not connected:",
    "steps.provider.answers": "{provider} is connected and answers.",
    "steps.provider.answered_in": "{model} answered in {ms} ms.",
    "steps.provider.scripted": "Go on with the scripted provider",
    "steps.provider.scripted_hint": (
        "The scripted provider asks no model: its answers come from a script and say so. It needs no key,"
        " costs nothing, and everything else works as with a real one."
    ),
    "steps.advice.key": (
        "Make sure that you copied the whole key, that it is for this provider, and that it was not "
        "deleted there. Then paste it once more."
    ),
    "steps.advice.quota": "Add credit to your account on the provider's website, then try again.",
    "steps.advice.model": (
        "Write another name under “Model and address”, or leave it empty for the usual one."
    ),
    "steps.advice.busy": (
        "The provider allows only so many questions a minute. Wait a moment, then try again."
    ),
    "steps.advice.unreachable": (
        "Try again in a minute; the provider's status page says whether it has trouble. Where your server"
        " reaches the internet through a proxy or firewall, ask its operator to let this provider "
        "through."
    ),
    "steps.advice.address": (
        "Look at the address under “Model and address”. For addresses of your own network the operator "
        "has to allow the host (OFFICIUM_ALLOWED_PRIVATE_HOSTS)."
    ),
    "steps.advice.credits": (
        "A budget of yours is used up. Raise it under Budgets and alerts, or wait until its next period "
        "begins."
    ),
    "steps.advice.provider": "Connect a provider in the first step, or go on with the scripted provider.",
    "steps.advice.other": (
        "Try again. If it stays like this, the request log has the details; you can go on with the next "
        "steps meanwhile."
    ),
    "steps.ask.lead": "The answer appears while it is written. It is counted like every other request.",
    "steps.ask.question": "Your question",
    "steps.ask.example": "What are three good questions to ask before hiring somebody new?",
    "steps.ask.who": "Who answers",
    "steps.ask.scripted": "Scripted provider (no model, no key)",
    "steps.ask.submit": "Ask now",
    "steps.ask.busy": "Asking …",
    "steps.ask.waiting": "Waiting for the answer.",
    "steps.ask.answer": "Answer",
    "steps.ask.lost": "The connection broke before the answer was complete.",
    "steps.ask.instead": "Ask the scripted provider instead",
    "steps.ask.providers": "Look at the providers",
    "steps.ask.budgets": "Look at the budgets",
    "steps.ask.scripted_hint": "This came from the script and not from a model.",
    "steps.ask.next_key": "Next: make a key",
    "steps.ask.next_cost": "Next: see what it costs",
    "steps.ask.not_allowed": "Your role may look, but not ask. An administrator can change that.",
    "steps.ask.nobody": (
        "Nobody is there to answer yet: connect a provider first. The scripted one is switched off on "
        "this server."
    ),
    "steps.ask.nobody_others": "Nobody is there to answer yet. Ask an administrator to connect a provider.",
    "steps.took.who": "Answered by",
    "steps.took.first": "First token after",
    "steps.took.whole": "Complete after",
    "steps.took.tokens": "Tokens",
    "steps.took.in_out": "{input} in, {output} out",
    "steps.took.cost": "Cost",
    "steps.took.entry": "See it in the request log",
    "steps.took.later": "The figures stand in the request log in a moment.",
    "steps.key.lead": (
        "Programs ask with a key of their own. Any SDK for OpenAI or Anthropic works: it only needs this "
        "server's address and the key."
    ),
    "steps.key.name": "What is it for?",
    "steps.key.name_example": "My first program",
    "steps.key.submit": "Make the key",
    "steps.key.another": "Make another one",
    "steps.key.made": "{name} has a key.",
    "steps.key.once": "Copy it now: it is shown this once.",
    "steps.key.secret": "The key",
    "steps.key.curl": "In a terminal",
    "steps.key.python": "In Python",
    "steps.key.default": "The model “default” is whatever is set up as the default.",
    "steps.key.lost": "Put the key you kept in place of YOUR_KEY, or make another one.",
    "steps.key.next": "Next: add a widget",
    "steps.key.all": "All keys",
    "steps.widget.lead": (
        "A widget is a chat for a website. It belongs to a client: whoever it answers for, with limits "
        "and costs of their own. Your own company can be one."
    ),
    "steps.widget.client": "Name of the client",
    "steps.widget.client_hint": "A company, yours or one you work for.",
    "steps.widget.name": "Name of the widget",
    "steps.widget.name_hint": "Visitors see it at the top of the chat.",
    "steps.widget.name_example": "Help",
    "steps.widget.origin_hint": "Only pages of this address may show the widget. You can fill it in later.",
    "steps.widget.submit": "Add both",
    "steps.widget.of": "{widget}, for {client}",
    "steps.widget.embed": "Put this line into the website's pages, before the closing body tag:",
    "steps.widget.nowhere": "No website may show it yet.",
    "steps.widget.nowhere_link": "Add the website's address",
    "steps.widget.next": "Next: see what it costs",
    "steps.widget.knowledge": "Fill its knowledge base",
    "steps.widget.preview": "Try it out",
    "steps.cost.lead": (
        "Every request is counted, with its tokens and its cost, whoever made it. So far, in the last 30 "
        "days:"
    ),
    "steps.cost.requests": "Requests",
    "steps.cost.overview": "The overview",
    "steps.cost.overview_hint": "By day, app, model and client, and what needs attention.",
    "steps.cost.log": "The request log",
    "steps.cost.log_hint": "Every single request, with what it cost to the last digit.",
    "steps.cost.budgets": "Budgets and alerts",
    "steps.cost.budgets_hint": "Set how much may be spent, and who is told before it is gone.",
    "steps.cost.advisors": "The advisors",
    "steps.cost.advisors_hint": "A CEO, CFO, CMO and CTO who know your business and its numbers.",
}
