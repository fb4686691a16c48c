import uuid

import django.db.models.deletion
from django.db import migrations, models

from tasks.models import TENANT

OF_TENANT = [
    ("tenant_id", models.UUIDField(db_default=TENANT, editable=False)),
    ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
]


class Migration(migrations.Migration):
    initial = True
    operations = [
        # The tables of Tenantry's sample, where a store has them.
        migrations.RunSQL("DROP VIEW IF EXISTS document_list; DROP TABLE IF EXISTS documents, user_settings, users", ""),
        migrations.CreateModel("Project", [*OF_TENANT, ("name", models.TextField())]),
        migrations.AddConstraint("Project", models.UniqueConstraint(fields=["tenant_id", "id"], name="project_of_tenant")),
        migrations.CreateModel(
            "Task",
            [
                *OF_TENANT,
                ("title", models.TextField()),
                ("done", models.BooleanField(default=False)),
                (
                    "project",
                    models.ForeignKey("tasks.project", django.db.models.deletion.CASCADE, related_name="tasks", db_constraint=False),
                ),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE tasks_task ADD CONSTRAINT task_of_project FOREIGN KEY (tenant_id, project_id)"
            " REFERENCES tasks_project (tenant_id, id) ON DELETE CASCADE",
            "ALTER TABLE tasks_task DROP CONSTRAINT task_of_project",
        ),
    ]
