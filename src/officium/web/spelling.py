"""Bodies that are spelled in camelCase, and understood in snake_case, too."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Camel(BaseModel):
    """Says `asOf`, and understands `as_of`, too."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )


class CamelBody(Camel):
    """A body that has no other fields."""

    model_config = ConfigDict(extra="forbid")
