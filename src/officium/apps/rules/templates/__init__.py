"""Common English sentences become rules without any model: `alert X when A is above B for 5 minutes`."""

from officium.apps.rules.templates.sentence import TemplateRule, write_by_template
from officium.apps.rules.templates.understanding import NotUnderstood

__all__ = ["NotUnderstood", "TemplateRule", "write_by_template"]
