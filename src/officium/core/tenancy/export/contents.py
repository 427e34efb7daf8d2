"""What an export holds: a file for each of a tenant's tables, or a reason why there is none.

`tests/core/tenancy/export/test_contents.py` fails for a table that is in neither list.
"""

from collections.abc import Mapping

from msgspec import Struct


class ExportFile(Struct, frozen=True):
    """A table and its file, `data/<name>.jsonl`; `leaves_out` are the columns that do not go along."""

    table: str
    name: str
    leaves_out: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where the file is in the archive."""
        return f"data/{self.name}.jsonl"


FILES: tuple[ExportFile, ...] = (
    ExportFile("tenants", "tenant"),
    ExportFile("members", "members", ("person_id",)),
    ExportFile("member_identities", "member-identities"),
    ExportFile("api_keys", "keys", ("digest",)),
    ExportFile("llm_configs", "configurations", ("api_key",)),
    ExportFile("llm_config_versions", "configuration-versions"),
    ExportFile("model_aliases", "model-aliases"),
    ExportFile("model_policies", "model-policies"),
    ExportFile("tenant_prices", "prices"),
    ExportFile("model_rules", "model-rules"),
    ExportFile("clients", "clients"),
    ExportFile("widget_configs", "widgets"),
    ExportFile("widget_canned_answers", "widget-canned-answers"),
    ExportFile("widget_saved_questions", "widget-saved-questions"),
    ExportFile("kb_entries", "knowledge-entries", ("folded_question",)),
    ExportFile("kb_versions", "knowledge-versions"),
    ExportFile("kb_changes", "knowledge-changes"),
    ExportFile("widget_visitors", "widget-visitors"),
    ExportFile("widget_conversations", "widget-conversations"),
    ExportFile("widget_messages", "widget-messages"),
    ExportFile("widget_leads", "widget-leads"),
    ExportFile("widget_answer_counts", "widget-answer-counts"),
    ExportFile("llm_request_logs", "widget-requests"),
    ExportFile("conversations", "conversations", ("folded_title",)),
    ExportFile("messages", "messages", ("folded",)),
    ExportFile("message_feedback", "message-feedback"),
    ExportFile("conversation_retention", "conversation-retention"),
    ExportFile("persona_configs", "advisers"),
    ExportFile("model_comparisons", "model-comparisons"),
    ExportFile("business_profiles", "business-profile"),
    ExportFile("analytics_snapshots", "business-figures"),
    ExportFile("module_insights", "business-insights"),
    ExportFile("decisions", "decisions"),
    ExportFile("rule_catalogues", "rule-catalogue"),
    ExportFile("rules", "rules"),
    ExportFile("rule_versions", "rule-versions"),
    ExportFile("prompt_versions", "prompt-versions"),
    ExportFile("prompt_labels", "prompt-labels"),
    ExportFile("prompt_label_moves", "prompt-label-moves"),
    ExportFile("prompt_golden_sets", "prompt-golden-sets"),
    ExportFile("prompt_experiments", "prompt-experiments"),
    ExportFile("prompt_outcomes", "prompt-outcomes"),
    ExportFile("writer_drafts", "drafts"),
    ExportFile("writer_feedback", "draft-feedback"),
    ExportFile("writer_style_rules", "style-rules"),
    ExportFile("deal_customers", "deal-customers"),
    ExportFile("deals", "deals", ("folded_title",)),
    ExportFile("deal_notes", "deal-notes"),
    ExportFile("cashflow_configs", "cash-flow-settings"),
    ExportFile("cashflow_runs", "cash-flow-runs"),
    ExportFile("budgets", "budgets"),
    ExportFile("budget_counters", "budget-counters"),
    ExportFile("budget_alerts", "budget-alerts"),
    ExportFile("alert_destinations", "alert-destinations"),
    ExportFile("alert_deliveries", "alert-deliveries"),
    ExportFile("ledger_entries", "ledger"),
    ExportFile("usage_log", "usage-log"),
    ExportFile("log_terms", "log-terms"),
    ExportFile("audit_log", "audit-log"),
)
"""In the order of the archive."""

LEFT_OUT: Mapping[str, str] = {
    "member_passwords": "hashes of passwords",
    "browser_sessions": "who is signed in at the moment, with hashes of what signs them in",
    "holds": "calls under way; when they end they stand in the ledger",
    "idempotency_keys": "sealed copies of answers, kept for a day in case a request comes twice",
    "live_answers": "answers while they are written; they end up in the messages",
    "answer_events": "pieces of answers while they are written; they end up in the messages",
    "request_contents": "prompts and answers of the request log, kept sealed for some days at most",
    "kb_vectors": "what a search makes of the entries, which are there in full",
    "usage_tallies": "sums of the usage log, which is there in full",
    "usage_histograms": "times of the usage log in buckets; the log is there in full",
    "cashflow_outlooks": "what a page shows of the deals, which are there in full",
    "tenant_exports": "the exports themselves",
    "tenant_export_pieces": "the exports themselves",
}
"""Tables that do not go along, and why. The manifest says so, too."""
