"""What a model server was found to do: probed, not assumed."""

from collections.abc import Mapping

from django.db import transaction

from chat.models import Probe, User


def capabilities(server: str) -> Mapping[str, bool]:
    """Capability → whether this server can, by its newest probe. What was not probed, or not found out, is not in it."""
    newest = Probe.objects.filter(server=server[:500]).order_by("-created").values_list("found", flat=True).first()
    return {name: one["can"] for name, one in (newest or {}).items() if isinstance(one.get("can"), bool)}


@transaction.atomic
def keep(*, server: str, model: str, found: Mapping[str, Mapping[str, object]], by: User | None) -> Probe:
    """The result of a probe, with its date."""
    return Probe.objects.create(server=server[:500], model=model[:200], found=found, by=by)
