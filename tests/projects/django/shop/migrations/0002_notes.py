import uuid

from django.db import migrations, models

from shop.models import TENANT


def fill(apps, schema_editor):
    """Rows of every tenant, in a store that many share as well."""
    for customer in apps.get_model("shop", "Customer").objects.all():
        customer.phone = f"none of {customer.email}"
        customer.save()


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("Customer", "phone", models.TextField(db_default="")),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.CreateModel(
            "Note",
            [
                ("tenant_id", models.UUIDField(db_default=TENANT)),
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("body", models.TextField()),
            ],
        ),
    ]
