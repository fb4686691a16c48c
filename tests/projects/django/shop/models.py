"""Customers and what they order. Keys are random ones, and references carry the tenant."""

import uuid

from django.db import models
from django.db.models import Func, UUIDField

TENANT = Func(template="NULLIF(current_setting('app.tenant_id', true), '')::uuid", output_field=UUIDField())


class OfTenant(models.Model):
    tenant_id = models.UUIDField(db_default=TENANT)
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        abstract = True


class Customer(OfTenant):
    email = models.TextField()
    phone = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="customer_of_tenant"),
            models.UniqueConstraint(fields=["tenant_id", "email"], name="customer_email"),
        ]


class Order(OfTenant):
    # The constraint has two columns, which Django cannot write: the migration does.
    customer = models.ForeignKey(Customer, models.CASCADE, db_constraint=False)
    number = models.IntegerField()


class Note(OfTenant):
    body = models.TextField()
