"""What can go wrong with clients and widgets."""

from officium.kit.errors import InvalidRequest, NotFound


class ClientNotFound(NotFound):
    """No client with this id in the caller's tenant."""

    code = "client_not_found"


class WidgetNotFound(NotFound):
    """No widget with this id in the caller's tenant."""

    code = "widget_not_found"


class InvalidClient(InvalidRequest):
    """A client's name or time zone is not acceptable; `param` names it."""

    code = "invalid_client"


class InvalidWidget(InvalidRequest):
    """A widget's configuration is not acceptable; `param` names what is not."""

    code = "invalid_widget"
