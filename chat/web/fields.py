"""Values as they come: from addresses and forms, bounded, and without what no database stores."""

from django.http import QueryDict
from django.urls.converters import IntConverter, StringConverter


class IdConverter(StringConverter):
    """One of our ids in an address; anything else is no address of ours."""

    regex = "[a-z]{2,12}_[0-9a-f]{32}"


class NumberConverter(IntConverter):
    """The number of a row: none is longer, and databases take no longer ones."""

    regex = "[0-9]{1,18}"


def value(data: QueryDict, name: str, *, most: int = 300) -> str:
    """The value of a field, "" when it was not sent."""
    return data.get(name, "").replace("\x00", "")[:most].strip()
