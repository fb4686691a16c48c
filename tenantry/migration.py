"""What a migration of yours may import: ``from tenantry.migration import run_sql_beside``."""

from tenantry.postgres.revisions import run_sql_beside

__all__ = ["run_sql_beside"]
