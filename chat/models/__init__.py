"""Tables: fields, constraints, querysets that take the actor, one-row facts. Writing is `chat.store`'s.

`db_index=False` stands where another index begins with the same column: each costs with every row that is written.
"""

from chat.models.access import AccessDetail, AccessHead, AccessRow, Exported, Opening
from chat.models.admin_acts import AdminAct, AdminActDetail, AdminActHead
from chat.models.cache import CacheEntry
from chat.models.certificates import Certificate
from chat.models.conversations import Access, Branch, Conversation, Participant
from chat.models.daily import Daily, DailyPerson, LastActive
from chat.models.exports import Export, ExportChunk
from chat.models.files import File, FileText, FileUse
from chat.models.ids import LONGEST_NAME
from chat.models.items import Item
from chat.models.ledger import Kept
from chat.models.links import Audience, Link
from chat.models.mentions import Mention, Push, PushSubscription
from chat.models.presence import Presence
from chat.models.prices import Price
from chat.models.probes import Probe
from chat.models.projects import Project
from chat.models.purges import Purge
from chat.models.removals import Removal
from chat.models.responses import LogRow, Response, Turn
from chat.models.search import SearchEntry
from chat.models.server import Invitation, Server
from chat.models.storing import LogMode, Storing
from chat.models.teams import Membership, Team
from chat.models.users import LEFT, Departure, User

__all__ = [
    "LEFT",
    "LONGEST_NAME",
    "Access",
    "AccessDetail",
    "AccessHead",
    "AccessRow",
    "AdminAct",
    "AdminActDetail",
    "AdminActHead",
    "Audience",
    "Branch",
    "CacheEntry",
    "Certificate",
    "Conversation",
    "Daily",
    "DailyPerson",
    "Departure",
    "Export",
    "ExportChunk",
    "Exported",
    "File",
    "FileText",
    "FileUse",
    "Invitation",
    "Item",
    "Kept",
    "LastActive",
    "Link",
    "LogMode",
    "LogRow",
    "Membership",
    "Mention",
    "Opening",
    "Participant",
    "Presence",
    "Price",
    "Probe",
    "Project",
    "Purge",
    "Push",
    "PushSubscription",
    "Removal",
    "Response",
    "SearchEntry",
    "Server",
    "Storing",
    "Team",
    "Turn",
    "User",
]
