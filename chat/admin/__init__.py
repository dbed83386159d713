"""The panel at /admin/, for the owner of the server. `chat.apps.PanelConfig` puts it in the place of Django's own."""
