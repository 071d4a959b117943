"""Row level security: on every tenant table, and as real as PostgreSQL makes it."""

import threading

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import Membership, Organization
from apps.core import tenancy
from apps.core.tenancy import current_organization, system, tenant
from tests.fixtures_cast import Person

# Tables of ours that belong to no organization, with the reason.
WITHOUT_TENANT = {
    "accounts_user": "a person may be a member of many organizations",
    "accounts_user_groups": "operators of the admin",
    "accounts_user_user_permissions": "operators of the admin",
    "accounts_signin": "belongs to a user",
    "accounts_signinfailures": "counts before it is known who signs in",
    "core_heartbeat": "loops of the platform",
    "executions_worker": "processes of the platform",
    "events_progress": "how far subscribers have been told",
    "events_numbering": "the last number given to an event",
    "demo_demoattempt": "the public demo site",
    "demo_demoround": "the public demo site",
    "demo_demohook": "the public demo site",
}
# Tenant tables whose tenant's column has another name.
COLUMNS = {"accounts_organization": "id"}
# Tables that are only ever read by the key of another row: no index by tenant.
FOUND_BY_PARENT = {"executions_artifact", "executions_steprecord"}


def our_tables() -> list[str]:
    """All tables of our own apps, those of many-to-many fields too."""
    configs = [c for c in apps.get_app_configs() if c.name.startswith("apps.")]
    return sorted(
        {
            model._meta.db_table
            for config in configs
            for model in config.get_models(include_auto_created=True)
            if model._meta.managed and not model._meta.proxy
        }
    )


def tenant_tables() -> list[str]:
    return [name for name in our_tables() if name not in WITHOUT_TENANT]


def execute(sql: str, values: list[object] | None = None) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def setting() -> tuple[str, str]:
    """What the database itself holds as organization and system."""
    rows = execute(
        "SELECT coalesce(current_setting('rpa.organization', true), ''),"
        " coalesce(current_setting('rpa.system', true), '')"
    )
    return str(rows[0][0]), str(rows[0][1])


def count(table: str) -> int:
    return int(str(execute(f"SELECT count(*) FROM {table}")[0][0]))


@pytest.mark.django_db
@pytest.mark.parametrize("table", tenant_tables())
def test_every_tenant_table_forces_its_policy(table):
    rows = execute(
        "SELECT relrowsecurity, relforcerowsecurity, relowner = current_user::regrole,"
        " (SELECT string_agg(qual || with_check, '') FROM pg_policies"
        "  WHERE tablename = relname) FROM pg_class WHERE oid = %s::regclass",
        [table],
    )
    enabled, forced, is_owner, policy = rows[0]
    assert (enabled, forced, is_owner) == (True, True, False)
    column = COLUMNS.get(table, "organization_id")
    assert str(policy).count(f"{column} =") == 2
    assert "rpa.organization" in str(policy)


@pytest.mark.django_db
@pytest.mark.parametrize("table", tenant_tables())
def test_every_tenant_table_has_an_index_that_finds_the_tenants_rows(table):
    if table in FOUND_BY_PARENT:
        pytest.skip("read by its parent's key")
    column = COLUMNS.get(table, "organization_id")
    rows = execute(
        "SELECT count(*) FROM pg_index i JOIN pg_attribute a"
        " ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indrelid = %s::regclass AND a.attname = %s",
        [table, column],
    )
    assert rows[0][0], f"{table} needs an index that starts with {column}"


@pytest.mark.django_db(transaction=True)
def test_without_a_tenant_no_table_shows_a_row(alice: Person, carol: Person):
    alice.client.post("/api/api-keys", {"name": "robot"})
    alice.client.post("/api/invitations", {"email": "dave@example.com"})
    assert {table: count(table) for table in tenant_tables()} == dict.fromkeys(
        tenant_tables(), 0
    )
    with transaction.atomic():
        assert count("accounts_organization") == 0


@pytest.mark.django_db(transaction=True)
def test_a_tenant_sees_its_own_rows_only(alice: Person, bob: Person, carol: Person):
    with tenant(alice.organization_id):
        assert Membership.objects.count() == 2
        assert Organization.objects.get().slug == "acme"
    with tenant(carol.organization_id):
        assert Membership.objects.count() == 1
        assert not Membership.objects.filter(user=alice.user).exists()


@pytest.mark.django_db(transaction=True)
def test_the_system_sees_all(alice: Person, carol: Person):
    with system():
        assert Organization.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scope", ["tenant", "system"])
def test_the_setting_is_gone_after_the_commit(alice: Person, scope: str):
    with tenant(alice.organization_id) if scope == "tenant" else system():
        assert setting() != ("", "")
    assert setting() == ("", "")
    assert current_organization() is None
    assert count("accounts_membership") == 0


@pytest.mark.django_db(transaction=True)
def test_the_setting_is_gone_after_an_error(alice: Person):
    with pytest.raises(DatabaseError), tenant(alice.organization_id):
        execute("SELECT 1/0")
    assert setting() == ("", "")


@pytest.mark.django_db(transaction=True)
def test_nested_scopes_restore_what_was_before(alice: Person, carol: Person):
    with tenant(alice.organization_id):
        with tenant(carol.organization_id):
            assert Organization.objects.get().slug == "other"
            with system():
                assert Organization.objects.count() == 2
            assert Organization.objects.get().slug == "other"
        assert Organization.objects.get().slug == "acme"
        assert current_organization() == alice.organization_id


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_scope_restores_what_was_before(alice: Person, carol: Person):
    with tenant(alice.organization_id):
        with pytest.raises(ZeroDivisionError), tenant(carol.organization_id):
            raise ZeroDivisionError
        assert Organization.objects.get().slug == "acme"
        with pytest.raises(DatabaseError), system():
            execute("SELECT 1/0")
        assert setting() == (str(alice.organization_id), "off")


@pytest.mark.django_db(transaction=True)
def test_a_scope_inside_a_plain_transaction_ends_with_its_block(alice: Person):
    with transaction.atomic():
        with tenant(alice.organization_id):
            assert Organization.objects.count() == 1
        assert Organization.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_scope_marked_for_rollback_leaves_nothing(alice: Person):
    with tenant(alice.organization_id):
        Membership.objects.all().delete()
        transaction.set_rollback(True)
    with tenant(alice.organization_id):
        assert Membership.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_for_another_tenant_is_refused(alice: Person, carol: Person):
    refused = pytest.raises(DatabaseError, match="row-level security")
    with refused, tenant(alice.organization_id):
        Membership.objects.create(
            organization_id=carol.organization_id, user=alice.user, role="owner"
        )


@pytest.mark.django_db(transaction=True)
def test_rows_of_another_tenant_cannot_be_changed(alice: Person, carol: Person):
    with tenant(alice.organization_id):
        foreign = Membership.objects.filter(user=carol.user)
        assert foreign.update(role="viewer") == 0
        assert foreign.delete()[0] == 0
        moved = Membership.objects.filter(user=alice.user)
        with pytest.raises(DatabaseError), transaction.atomic():
            moved.update(organization_id=carol.organization_id)


def references() -> list[tuple[str, str]]:
    """Foreign keys between tenant tables: table, definition."""
    return [
        (str(table), str(definition))
        for table, definition in execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid::regclass::text = ANY(%s)"
            " AND confrelid::regclass::text = ANY(%s)",
            [tenant_tables(), tenant_tables()],
        )
    ]


@pytest.mark.django_db
def test_references_between_tenant_rows_cannot_cross_tenants():
    """Only the reference to the organization itself may stand alone."""
    for table, definition in references():
        is_belonging = "REFERENCES accounts_organization(id)" in definition
        is_composite = "FOREIGN KEY (organization_id, " in definition
        assert is_belonging or is_composite, f"{table}: {definition}"


@pytest.mark.django_db(transaction=True)
def test_threads_do_not_share_a_scope(alice: Person):
    seen: list[int] = []

    def look() -> None:
        try:
            seen.append(Organization.objects.count())
        finally:
            connection.close()

    with tenant(alice.organization_id):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [0]


@pytest.mark.django_db
def test_the_applications_role_is_bound():
    tenancy.assert_bound_role()


def test_a_tenant_must_be_an_identifier():
    with pytest.raises(ValueError, match="badly formed"), tenant("'; --"):
        pass


def test_the_list_of_tables_without_a_tenant_names_no_others():
    """A table that got a tenant, or is gone, leaves the list."""
    columns = {
        model._meta.db_table: {field.column for field in model._meta.local_fields}
        for model in apps.get_models(include_auto_created=True)
    }
    with_tenant = {n for n in WITHOUT_TENANT if "organization_id" in columns.get(n, ())}
    assert not with_tenant
