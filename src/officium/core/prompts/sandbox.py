"""Jinja with everything taken away that a prompt does not need.

Tenants write templates, so a template is hostile input. `syntax.py` lets a small part of the language in;
here each value is reached, called and calculated with under our rules: only JSON's values, no attribute of
a Python object, no method, no text multiplied, and a budget for all of it.
"""

from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from officium.core.prompts.budget import Budget
from officium.core.prompts.fence import Fence, UntrustedText
from officium.core.prompts.filters import Filters, known, like

_OF_LOOPS = frozenset(
    ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem")
)


class Sandbox(ImmutableSandboxedEnvironment):
    """The surroundings of one template while it is compiled, or while it is carried out."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, budget: Budget, fence: Fence | None = None) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            cache_size=0,
            finalize=self._finalized,
        )
        self._fence = fence
        self._operations = Filters(budget)
        self.filters = self._operations.filters()
        self.tests: dict[str, Any] = self._operations.tests()
        self.globals = {"range": self._operations.range}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of an object, or what is known of a loop; never an attribute of a Python object."""
        if isinstance(obj, LoopContext) and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A field of an object by its name, or an item of a list or text by its number."""
        known(obj)
        is_field = isinstance(obj, dict) and isinstance(argument, str)
        is_item = isinstance(obj, list | str) and isinstance(argument, int)
        if not is_field and not is_item:
            return self.undefined(f"a {type(obj).__name__} has no part {str(argument)[:64]!r}")
        try:
            found = obj[argument]
        except LookupError:
            return self.undefined(f"there is no part {str(argument)[:64]!r}")
        return like(found, obj) if isinstance(obj, str) else found

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """What an operator gives."""
        return self._operations.calculate(operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call it: `range` and nothing else."""
        return bool(obj == self._operations.range)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No attribute of a Python object is."""
        return False

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Stands for what may not be reached."""
        return self.undefined(f"a {type(obj).__name__} has no part {attribute[:64]!r}")

    def _finalized(self, value: Any) -> str:
        text = self._operations.written(value)
        if isinstance(text, UntrustedText):
            if self._fence is None:
                raise TypeError("untrusted text outside of a rendering")
            return self._fence.around(text)
        return text
