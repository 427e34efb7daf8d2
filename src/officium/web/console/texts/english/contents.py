"""Prompts and answers in the request log, asking them again, and what the log keeps."""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "flash.log_saved": "Saved. New requests are kept like this from now on.",
    "flash.contents_deleted": "All prompts and answers that were kept are deleted.",
    "contents.title": "Prompt and answer",
    "contents.kept": "Kept, encrypted, until {until}.",
    "contents.opening": "The audit log will say that you opened them.",
    "contents.closed": "Owners and administrators may open them.",
    "contents.open": "Show prompt and answer",
    "contents.open.busy": "Opening …",
    "contents.none": "Nothing of what was asked and answered is kept of this request.",
    "contents.none_then": (
        "Your log keeps prompts and answers, but did not yet when "
        "this was asked, or they are deleted already."
    ),
    "contents.none_failed": "Your log keeps prompts and answers of failed requests alone.",
    "contents.switch_on": (
        "To find out why requests fail, and to ask them again of another "
        "model, let your log keep prompts and answers."
    ),
    "contents.ask_admin": "An administrator can let the log keep prompts and answers of the next requests.",
    "contents.forbidden": "The operator of this installation does not allow it.",
    "contents.to_settings": "What the log keeps",
    "contents.prompt": "Prompt",
    "contents.call": "Call {number} of {count}",
    "contents.answer": "Answer",
    "contents.masked": "Personal data taken out",
    "contents.request_cut": "Prompt cut to 256 KiB",
    "contents.answer_cut": "Answer cut to 256 KiB",
    "contents.dropped": "{count} older pieces were left out for size.",
    "contents.role.system": "Instructions",
    "contents.role.user": "Question",
    "contents.role.assistant": "Model",
    "contents.role.tool": "Tool",
    "contents.role.input": "Text to embed",
    "contents.part.image": "Picture",
    "contents.part.file": "File",
    "contents.part.not_kept": "not kept",
    "contents.part.reasoning": "Reasoning",
    "contents.part.refusal": "Refusal",
    "contents.part.tool_call": "Calls the tool",
    "contents.part.tool_result": "Result of the tool",
    "contents.part.tool_error": "Error",
    "contents.size": "{kib} KiB",
    "contents.tools": "Tools the model could use: {count}",
    "contents.settings": "Asked with",
    "contents.no_answer": "There was no answer.",
    "contents.fault": "Attempt {number}",
    "contents.replay": "Ask another model",
    "contents.replay.hint": (
        "Sends the same prompt once more, in your name: it counts towards your limits and credits."
    ),
    "contents.replay.masked": "Personal data was taken out of it, so it is not quite what was asked then.",
    "contents.replay.model": "Model",
    "contents.replay.temperature": "Temperature",
    "contents.replay.max_tokens": "Longest answer, in tokens",
    "contents.replay.as_it_was": "as it was",
    "contents.replay.stream": "Show the answer as it is written",
    "contents.replay.stop": "Stop",
    "contents.replay.stopped": "Stopped. What was written by then counts, and stands in the log.",
    "contents.replay.lost": "The connection is lost. What was written by then counts, and stands in the log.",
    "contents.replay.submit": "Ask",
    "contents.replay.busy": "Asking …",
    "contents.replay.open": "Open this request in the log",
    "contents.replay.cannot.embedding": "Only questions to a model can be asked again, not texts to embed.",
    "contents.replay.cannot.media": (
        "This request had pictures or files, which are not kept, so it cannot be asked again."
    ),
    "contents.replay.cannot.cut": "This prompt was too long to be kept whole, so it cannot be asked again.",
    "contents.was": "Then",
    "contents.is": "Now",
    "contents.figures.tokens": "Tokens in + out",
    "contents.figures.cost": "Cost",
    "contents.figures.first": "First token",
    "contents.figures.time": "Whole answer",
    "contents.figures.finish": "Ended with",
    "log.title": "Request log",
    "log.lead": "What the log keeps of your requests besides figures, and for how long.",
    "log.forbidden": "The operator of this installation does not allow prompts and answers to be kept.",
    "log.contents": "Prompts and answers",
    "log.contents.off": "Keep none",
    "log.contents.failed": "Keep those of failed requests",
    "log.contents.all": "Keep all",
    "log.contents.hint": (
        "They are encrypted. Owners and administrators may open them; the audit log says who did."
    ),
    "log.content_days": "Delete them after, in days",
    "log.content_days.hint": "1 to 365. Two weeks are enough to find most faults.",
    "log.masked": "Take out e-mail addresses, phone numbers, cards and IBANs before they are kept",
    "log.days": "Delete lines of the log after, in days",
    "log.days.hint": "Empty keeps them. Sums by day and your credits stay either way.",
    "log.days.most": (
        "At most {days} days here; empty is the same. Sums by day and your credits stay either way."
    ),
    "log.forget": "Delete all that is kept",
    "log.forget.hint": (
        "Deletes every prompt and answer of your tenant's log at once. "
        "The figures stay. This cannot be taken back."
    ),
    "log.forget.submit": "Delete prompts and answers",
}
