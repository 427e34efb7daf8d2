"""How the things of this room are spelled on the wire: snake_case, and camelCase is understood, too."""

from pydantic import AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Record(BaseModel):
    """A value that does not change. Says `deal_id`, and understands `dealId`, too."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel),
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        hide_input_in_errors=True,
    )


class Order(Record):
    """A record that callers write, and that has no other fields."""

    model_config = ConfigDict(extra="forbid")
