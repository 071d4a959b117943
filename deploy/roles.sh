#!/bin/sh
# Makes the two database roles at the first start of the PostgreSQL container.
# rpa_owner owns the tables and runs the migrations; rpa_app only uses them, so that
# row level security binds it.
set -eu
psql --set=ON_ERROR_STOP=1 --set=owner_password="$OWNER_PASSWORD" \
    --set=app_password="$APP_PASSWORD" \
    --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE rpa_owner LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB PASSWORD :'owner_password';
CREATE ROLE rpa_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB PASSWORD :'app_password';
CREATE DATABASE rpa OWNER rpa_owner;
\connect rpa
ALTER SCHEMA public OWNER TO rpa_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO rpa_app;
SQL
