"""What a model server can do, found out by asking it: about twenty small requests, each bounded in time and in tokens."""

from chat.providers.probing.names import CAPABILITIES
from chat.providers.probing.probe import BUNDLED, Found, Told, nobody, probe
from chat.providers.probing.visit import Ledger, Made

__all__ = ["BUNDLED", "CAPABILITIES", "Found", "Ledger", "Made", "Told", "nobody", "probe"]
