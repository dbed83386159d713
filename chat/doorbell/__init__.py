"""The doorbell: the news that a conversation has got further, in this process (`hub`) and between processes (`relay`)."""

from chat.doorbell.hub import Hub, Listener, Mailbox, Note, Ring, hub

__all__ = ["Hub", "Listener", "Mailbox", "Note", "Ring", "hub"]
