from typing import Literal

DeletionOutcome = Literal["archived", "deleted"]

DELETION_OUTCOME_VALUES: set[DeletionOutcome] = {
    "archived",
    "deleted",
}


def check_deletion_outcome(value: str) -> DeletionOutcome:
    if value in DELETION_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DELETION_OUTCOME_VALUES!r}")
