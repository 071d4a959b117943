"""Triggers in the database, as migration operations."""

from django.db.migrations.operations import RunSQL


def refuse_changes(table: str, columns: list[str]) -> RunSQL:
    """A trigger that refuses any change of these columns, whoever asks for it."""
    name = f"{table}_unchangeable"
    return RunSQL(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a row of {table} is never changed'
                USING ERRCODE = 'integrity_constraint_violation';
        END $$;
        CREATE TRIGGER {name} BEFORE UPDATE OF {", ".join(columns)} ON {table}
            FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )
