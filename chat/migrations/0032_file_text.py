import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0031_files")]
    operations = [
        migrations.CreateModel(
            name="FileText",
            fields=[
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="chat.file",
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("cut", models.PositiveIntegerField(null=True)),
            ],
        ),
    ]
