-- The user by which the pipeline reads the source: SELECT on the nine tables of the contract, and nothing else.
--
--     psql -v ON_ERROR_STOP=1 -d SOURCE [-v schema=NAME] -f source_reader.sql        (as the owner of the tables)
--     psql -d SOURCE -c '\password guatecompras_reader'
--
-- May be run again: tables that came later are granted then. What everybody (PUBLIC) may do in that database stays as it is.
\if :{?schema}
\else
    \set schema public
\endif

SELECT 'CREATE ROLE guatecompras_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'guatecompras_reader') \gexec

-- A month takes up to four connections for some seconds.
ALTER ROLE guatecompras_reader CONNECTION LIMIT 32;
ALTER ROLE guatecompras_reader SET default_transaction_read_only = on;
ALTER ROLE guatecompras_reader SET statement_timeout = '30min';
ALTER ROLE guatecompras_reader SET idle_in_transaction_session_timeout = '30min';

SELECT format('GRANT CONNECT ON DATABASE %I TO guatecompras_reader', current_database()) \gexec
GRANT USAGE ON SCHEMA :"schema" TO guatecompras_reader;
SELECT format('GRANT SELECT ON %I.%I TO guatecompras_reader', nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = :'schema' AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND lower(relname) IN (
        'concursos', 'eventos', 'partes', 'renglones', 'caracteristicas', 'documentos', 'ofertas', 'adjudicaciones', 'contratos'
    ) \gexec
