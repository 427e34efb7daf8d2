"""What can go wrong with runs."""

from officium.kit.errors import NotFound


class RunNotFound(NotFound):
    """The tenant has no such run."""

    code = "cashflow_run_not_found"
