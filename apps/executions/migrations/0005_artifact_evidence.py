from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("executions", "0004_idempotency_keys_of")]

    operations = [
        migrations.AddField(
            model_name="artifact",
            name="attempt",
            field=models.IntegerField(default=1, db_default=1),
        ),
        migrations.AddField(
            model_name="artifact",
            name="kind",
            field=models.TextField(default="", db_default="", blank=True),
        ),
    ]
