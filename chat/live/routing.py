from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import re_path

from chat.live.consumer import GONE, Reader
from chat.live.link_reader import LinkReader
from chat.live.temporary_reader import TemporaryReader


class Nowhere(AsyncWebsocketConsumer):
    """Any other address: nothing is there."""

    async def connect(self) -> None:
        await self.close(GONE)


websocket_urlpatterns = [
    re_path(r"^ws/c/(?P<conversation_id>conv_[0-9a-f]{32})/$", Reader.as_asgi()),
    re_path(r"^ws/s/(?P<link_id>link_[0-9a-f]{32})/$", LinkReader.as_asgi()),
    re_path(r"^ws/t/(?P<conversation_id>temp_[0-9a-f]{32})/$", TemporaryReader.as_asgi()),
    re_path("", Nowhere.as_asgi()),
]
