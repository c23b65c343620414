"""Facts that the notifier publishes: none but acts of operators, for it is where the facts of others end."""

from typing import ClassVar

from coffer_contracts.operators import OperatorFact


class OperatorActedV1(OperatorFact):
    """An operator changed what the notifier does with messages by hand."""

    type: ClassVar[str] = "notifier.operator.acted.v1"
