import uuid

import django.db.models.deletion
from django.db import migrations, models

from shop.models import TENANT

OF_TENANT = [
    ("tenant_id", models.UUIDField(db_default=TENANT)),
    ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
]


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel("Customer", [*OF_TENANT, ("email", models.TextField())]),
        migrations.AddConstraint("Customer", models.UniqueConstraint(fields=["tenant_id", "id"], name="customer_of_tenant")),
        migrations.AddConstraint("Customer", models.UniqueConstraint(fields=["tenant_id", "email"], name="customer_email")),
        migrations.CreateModel(
            "Order",
            [
                *OF_TENANT,
                ("number", models.IntegerField()),
                ("customer", models.ForeignKey(to="shop.customer", on_delete=django.db.models.deletion.CASCADE, db_constraint=False)),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE shop_order ADD CONSTRAINT order_customer FOREIGN KEY (tenant_id, customer_id)"
            " REFERENCES shop_customer (tenant_id, id) ON DELETE CASCADE",
            "ALTER TABLE shop_order DROP CONSTRAINT order_customer",
        ),
    ]
