-- The database of Dagster's home in production, and its owner, who owns nothing else.
--
--     psql -v ON_ERROR_STOP=1 -d postgres -f dagster.sql        (as who may create roles and databases)
--     psql -d postgres -c '\password guatecompras_dagster'
--     GUATECOMPRAS_DAGSTER_POSTGRES=postgresql+psycopg2://guatecompras_dagster:PASSWORD@HOST/guatecompras_dagster
SELECT 'CREATE ROLE guatecompras_dagster LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'guatecompras_dagster') \gexec

-- Webserver, daemon, code server and eight runs at once stay well below (tests/deploy/test_postgres_connections.py).
ALTER ROLE guatecompras_dagster CONNECTION LIMIT 60;
-- A run that waits for a lock or forgot a transaction must not hold up the others for ever.
ALTER ROLE guatecompras_dagster SET statement_timeout = '10min';
ALTER ROLE guatecompras_dagster SET idle_in_transaction_session_timeout = '10min';

SELECT 'CREATE DATABASE guatecompras_dagster OWNER guatecompras_dagster'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'guatecompras_dagster') \gexec
REVOKE ALL ON DATABASE guatecompras_dagster FROM PUBLIC;
