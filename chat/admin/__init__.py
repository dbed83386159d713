"""The panel at /admin/, for the owner of the server and for those who look after teams: each sees their own people only.

`chat.apps.PanelConfig` puts it in the place of Django's own admin. Its pages show; what they do is done by verbs of `chat.store`,
and stands in the admin's record.
"""
