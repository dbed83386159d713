from django.db import migrations
from django.db.models import OuterRef, Subquery


def tell(apps, schema_editor):
    team = apps.get_model("chat", "Conversation").objects.filter(pk=OuterRef("conversation")).values("team")[:1]
    apps.get_model("chat", "Response").objects.exclude(conversation=None).update(team=Subquery(team))


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0016_team_of_response'),
    ]

    operations = [
        migrations.RunPython(tell, migrations.RunPython.noop),
    ]
