"""Projects and their tasks. Keys are random ones, and references carry the tenant."""

import uuid

from django.db import models

TENANT = models.Func(template="NULLIF(current_setting('app.tenant_id', true), '')::uuid", output_field=models.UUIDField())
"""The database knows whose transaction it is."""


class OfTenant(models.Model):
    tenant_id = models.UUIDField(db_default=TENANT, editable=False)
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        abstract = True


class Project(OfTenant):
    name = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "id"], name="project_of_tenant")]


class Task(OfTenant):
    # The constraint has two columns, which Django cannot write: the migration does.
    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks", db_constraint=False)
    title = models.TextField()
    done = models.BooleanField(default=False)
