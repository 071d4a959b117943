from django.db import migrations


class Migration(migrations.Migration):
    """Links to waits are signed, so nothing of them is stored."""

    dependencies = [("executions", "0004_idempotency_keys_of")]

    operations = [migrations.RemoveField(model_name="wait", name="token_hash")]
