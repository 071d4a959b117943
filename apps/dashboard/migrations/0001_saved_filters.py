import apps.core.ids
import django.db.models.functions.datetime
from django.db import migrations, models

from apps.core import rls


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('organization_id', models.UUIDField(editable=False)),
                ('user_id', models.UUIDField(editable=False)),
                ('name', models.CharField(max_length=60)),
                ('query', models.CharField(max_length=2000)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization_id', 'user_id', 'name'), name='saved_filter_once')],
            },
        ),
        rls.belongs("dashboard_savedfilter"),
        rls.protect("dashboard_savedfilter"),
    ]
