from django.urls import re_path

from chat.live.consumer import Reader

websocket_urlpatterns = [re_path(r"^ws/c/(?P<conversation_id>conv_[0-9a-f]{32})/$", Reader.as_asgi())]
