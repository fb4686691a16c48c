"""Where ``run_sql_beside`` was until this release: migrations import it from ``tenantry.migration``. Goes with the next one."""

from tenantry.migration import run_sql_beside

__all__ = ["run_sql_beside"]
