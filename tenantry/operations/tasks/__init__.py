"""Where ``task`` was until this release. Goes with the next one."""
