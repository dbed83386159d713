"""Who keeps a reply that is stored, beside this server, as pages say it."""

from urllib.parse import urlsplit

from django.conf import settings

from chat import providers
from chat.store import ledger, probes


def place(server: str) -> str:
    """What people call this model server: its host's name."""
    host = urlsplit(server).netloc
    return ledger.KNOWN.get(host, host)


def facts(model: str) -> dict[str, object]:
    """For templates: `keeper`, "" where replies of this model are kept nowhere else; `keeper_sure`: it is known to keep them;
    `keeper_files`: and files; for how many days, there and in the log of this server. `keeper_always`: who keeps replies until
    they have ended also when they are not to be kept.
    """
    provider = providers.current()
    can = probes.capabilities(provider.server) if provider.server else {"store": False}
    found = can.get("store")
    keeps = provider.keeps(model) and found is not False
    return {
        "keeper": place(provider.server) if keeps else "",
        "keeper_always": place(provider.server) if probes.keeps_all(can) else "",
        "keeper_sure": bool(found) or urlsplit(provider.server).netloc in ledger.KNOWN,
        "keeper_files": can.get("files", False),
        "keeper_days": ledger.DAYS if ledger.expires_at(provider.server) else None,
        "log_days": settings.RESPONSE_RETENTION_DAYS,
    }
