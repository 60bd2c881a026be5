-- The roles and the database on a PostgreSQL server of one's own (15 to 18), as its superuser:
--
--   psql --dbname=postgres --file=deploy/roles.sql
--
-- Repeatable: what exists is left as it is, and rights are set again. Other names, for a second
-- ledger on the same server: -v owner=… -v service=… -v database=….
--
-- No password is in this file. It takes them from the environment (CLUSTERLEDGER_OWNER_PASSWORD,
-- CLUSTERLEDGER_SERVICE_PASSWORD) where they are set; otherwise set them with \password, or let
-- pg_hba.conf ask for something better than a password.
--
-- Then, as the owner:    clusterledger migrate --database-url postgresql://clusterledger_owner@…
-- and as the service:    clusterledger serve --database-url postgresql://clusterledger_service@…

\set ON_ERROR_STOP on
\if :{?owner}
\else
    \set owner clusterledger_owner
\endif
\if :{?service}
\else
    \set service clusterledger_service
\endif
\if :{?database}
\else
    \set database clusterledger
\endif
\getenv owner_password CLUSTERLEDGER_OWNER_PASSWORD
\getenv service_password CLUSTERLEDGER_SERVICE_PASSWORD

-- The owner migrates: the tables are its own. The service never connects as it.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec

-- What a connection may do. The migrations grant the tables' rights to these: the writer may SELECT
-- and INSERT facts, the projector fills read models, the reader reads. None can log in.
SELECT format('CREATE ROLE %I NOLOGIN', name)
FROM unnest(ARRAY['clusterledger_writer', 'clusterledger_projector', 'clusterledger_reader']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The service has no right of its own and inherits none: each connection says which of the three it
-- acts as (options=-c role=…), and can be no more than that.
SELECT format('CREATE ROLE %I LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE', :'service')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') \gexec
GRANT clusterledger_writer, clusterledger_projector, clusterledger_reader TO :"service";

-- A lost password must not be found in the server's log: the statements below are kept out of it.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\if :{?owner_password}
    ALTER ROLE :"owner" PASSWORD :'owner_password';
\endif
\if :{?service_password}
    ALTER ROLE :"service" PASSWORD :'service_password';
\endif
RESET log_statement;
RESET log_min_duration_statement;
RESET log_min_error_statement;

-- UTF-8 whatever the server's default is. Order that reaches output says COLLATE "C" itself.
SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', :'database', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

-- Nobody else connects, nobody makes temporary tables unasked. (The migrations grant the groups
-- CONNECT as well; the service inherits nothing and needs it as itself.)
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"service";
GRANT CONNECT, TEMPORARY ON DATABASE :"database"
    TO clusterledger_writer, clusterledger_projector, clusterledger_reader;
-- A rebuild fills a fresh schema beside the live one. (A migration grants it too; a restored dump
-- does not bring it along.)
GRANT CREATE ON DATABASE :"database" TO clusterledger_projector;
