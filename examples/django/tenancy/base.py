"""The engine of the settings' database: PostgreSQL, where the tenant of the request lives."""

from django.db.backends.postgresql import base

from tenantry.app import current
from tenantry.app.tenant import CONTEXT


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's. Django closes its connection with the request (``CONN_MAX_AGE`` 0), so the next tenant has another."""

    def get_connection_params(self):
        tenant = current.get()
        if tenant is None:
            return super().get_connection_params()
        self.settings_dict = {**self.settings_dict, "NAME": tenant.database}
        return {**super().get_connection_params(), **tenant.conninfo()}

    def _set_autocommit(self, autocommit):
        """Off is what Django's ``atomic`` begins with: then the tenant's context is the first statement."""
        super()._set_autocommit(autocommit)
        if not autocommit and (tenant := current.get()):
            with self.wrap_database_errors:
                self.connection.execute(CONTEXT, tenant.context())
