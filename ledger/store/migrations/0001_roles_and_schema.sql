-- Who may do what, and the room for the book.
--
-- Three group roles: the service's connections act as one of them (SET ROLE at connect), so a
-- login role that is a member of the three is all the service needs. The user who migrates owns
-- the tables. Where that user may not create roles, an administrator creates them first.

DO $$
DECLARE
    group_role text;
BEGIN
    FOREACH group_role IN ARRAY ARRAY[
        'clusterledger_writer',     -- appends to the book
        'clusterledger_projector',  -- builds read models from it
        'clusterledger_reader'      -- answers questions
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = group_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', group_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- roles belong to the server: another database's migration was faster
            END;
        END IF;
        -- A single user who migrates and serves must be able to act as each of them.
        IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
            BEGIN
                EXECUTE format('GRANT %I TO CURRENT_USER', group_role);
            EXCEPTION WHEN insufficient_privilege THEN
                NULL;  -- an administrator made the roles, and decides about their members
            END;
        END IF;
    END LOOP;

    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO clusterledger_writer, clusterledger_projector, clusterledger_reader',
        current_database());
    -- A rebuild fills a fresh schema beside the live one and swaps.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO clusterledger_projector', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- The book. The runner of migrations has made the schema, to keep its own table in.
REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO clusterledger_writer, clusterledger_projector, clusterledger_reader;
GRANT SELECT ON ledger.migration TO clusterledger_writer, clusterledger_projector, clusterledger_reader;

-- Exclusion constraints over an id and a range; search by part of a name, with and without accents.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;
