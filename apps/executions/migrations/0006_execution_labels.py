from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("executions", "0005_artifact_evidence")]

    operations = [
        migrations.AddField(
            model_name="execution",
            name="labels",
            field=models.JSONField(
                default=dict, db_default=models.Value({}, models.JSONField())
            ),
        ),
    ]
