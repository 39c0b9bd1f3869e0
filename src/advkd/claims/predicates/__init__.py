"""The predicates that a claim can consist of: a small closed set of statements about the numbers of run groups."""

from typing import Annotated

from pydantic import Field

from advkd.claims.predicates.orders import Higher, LargerGain, Lower, Rank, Rising, SomeLower
from advkd.claims.predicates.rows import Rows
from advkd.claims.predicates.values import Above, Decrease, Difference, Insensitive, Untrained, Value

AnyPredicate = Annotated[
    Lower | Higher | SomeLower | Rank | Difference | Decrease | Value | Above | Untrained | Rising | Insensitive
    | LargerGain | Rows,
    Field(discriminator="kind"),
]  # fmt: skip
