"""Projects with a migration tool of their own, as an application has them before it comes to Tenantry: tests/projects."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROJECTS = Path(__file__).parents[2] / "projects"


@dataclass(frozen=True)
class Application:
    """One project: its declaration without the folder, and what tests say to its tables."""

    name: str
    second: str
    """The file of its second migration, which adds a column, fills it for every row, and makes a table."""
    table: str
    filled: str
    """The column that the second migration adds to ``table`` and fills."""
    insert: str
    """A row of ``table`` that says ``%(text)s``; its tenant is the context's."""
    declaration: dict[str, Any] = field(default_factory=dict)


DJANGO = Application(
    "django",
    "shop/migrations/0002_notes.py",
    "shop_customer",
    "phone",
    "INSERT INTO shop_customer (id, email) VALUES (gen_random_uuid(), %(text)s)",
    {
        "migrate": [sys.executable, "manage.py", "migrate", "--no-input"],
        "digest": ["shop/migrations"],
        "check": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
        "tables": ["django_migrations"],
    },
)
ALEMBIC = Application(
    "alembic",
    "versions/b2_notes.py",
    "projects",
    "phone",
    "INSERT INTO projects (id, title) VALUES (hashtext(%(text)s), %(text)s)",
    {
        "migrate": [sys.executable, "-m", "alembic", "upgrade", "head"],
        "to": [sys.executable, "-m", "alembic", "upgrade", "{revision}"],
        "head": [sys.executable, "-m", "alembic", "heads"],
        "current": [sys.executable, "-m", "alembic", "current"],
        "check": [sys.executable, "-m", "alembic", "check"],
        "tables": ["alembic_version"],
    },
)
PSQL = Application(
    "psql",
    "sql/0002_notes.sql",
    "projects",
    "phone",
    "INSERT INTO projects (title) VALUES (%(text)s)",
    {"migrate": ["sh", "migrate.sh"], "digest": ["sql"], "tables": ["applied"]},
)
APPLICATIONS = (DJANGO, ALEMBIC, PSQL)


@dataclass(frozen=True)
class Project:
    """A copy of an application's project, beside the migrations that name it."""

    application: Application
    folder: Path
    migrations: Path

    @classmethod
    def in_place(cls, application: Application, migrations: Path, folder: Path, **more: Any) -> Project:
        """Lets the application's tool take the place of `migrations/tenant` in that copy of `migrations/`, with its first migration."""
        ignore = shutil.ignore_patterns("__pycache__", Path(application.second).name)
        shutil.copytree(PROJECTS / application.name, folder, ignore=ignore)
        shutil.rmtree(migrations / "tenant")
        (migrations / "classification.yaml").write_text("tenant: {}\nreference: []\n", encoding="utf-8")
        made = cls(application, folder, migrations)
        made.declare(**more)
        return made

    def declare(self, **more: Any) -> None:
        declaration = {"name": self.application.name, "folder": str(self.folder), "timeout": 120, **self.application.declaration, **more}
        text = yaml.safe_dump({key: value for key, value in declaration.items() if value is not None})
        (self.migrations / "tool.yaml").write_text(text, encoding="utf-8")

    def advance(self) -> None:
        """Adds the second migration."""
        shutil.copy(PROJECTS / self.application.name / self.application.second, self.folder / self.application.second)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text, encoding="utf-8")
