"""Row level security as migration operations.

Policies read two settings that are local to a transaction, see `core.tenancy`.
They stand in scalar sub-selects so that the planner evaluates them once.
"""

from django.db.migrations.operations import RunSQL

_IS_TENANT = (
    "{column} = (SELECT NULLIF(current_setting('rpa.organization', true), '')::uuid)"
)
_IS_SYSTEM = "(SELECT current_setting('rpa.system', true)) = 'on'"


def protect(table: str, *, column: str = "organization_id") -> RunSQL:
    """Enable and force row level security with the tenant's policy on `table`."""
    allowed = f"{_IS_TENANT.format(column=column)} OR {_IS_SYSTEM}"
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON {table} USING ({allowed}) WITH CHECK ({allowed});
        """,
        f"""
        DROP POLICY tenant ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def reference(
    table: str, column: str, to_table: str, *, on_delete: str = "NO ACTION"
) -> RunSQL:
    """Foreign key `(organization_id, column)`, which cannot cross tenants.

    A plain foreign key is checked without row level security, so a user could
    point at another tenant's row with it. `to_table` needs `identity(to_table)`.
    """
    name = f"{table}_{column}_tenant_fk"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY (organization_id, {column}) "
        f"REFERENCES {to_table} (organization_id, id) ON DELETE {on_delete} "
        "DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def identity(table: str) -> RunSQL:
    """Unique `(organization_id, id)`: what `reference` points at."""
    name = f"{table}_tenant_id"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (organization_id, id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def belongs(table: str, *, to_table: str = "accounts_organization") -> RunSQL:
    """Foreign key of `organization_id` to the organizations; rows go with it."""
    name = f"{table}_organization_fk"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id) "
        f"REFERENCES {to_table} (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
