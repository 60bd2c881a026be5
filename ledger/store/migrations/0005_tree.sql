-- The Merkle tree over the facts, in the facts' own transaction: whoever was answered is in it.
--
-- A book that has facts already is behind with its tree. The writer's first transaction catches up
-- under the head lock, before anything is appended (ledger/store/tree.py).

ALTER TABLE ledger.head
    ADD COLUMN tree_size bigint NOT NULL DEFAULT 0
        CHECK (tree_size >= 0),                     -- leaves in the tree: the position, once caught up
    ADD COLUMN root      bytea  NOT NULL DEFAULT '\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
        CHECK (octet_length(root) = 32),            -- of the tree; that of the empty tree is SHA-256 of nothing
    ADD COLUMN frontier  bytea  NOT NULL DEFAULT ''
        CHECK (octet_length(frontier) % 32 = 0);    -- its perfect subtrees, largest first: what growth needs

-- Full tiles of C2SP tlog-tiles. Partial ones are cut from the leaf hashes, or from the roots below.
CREATE TABLE ledger.tile (
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 63),
    index  bigint   NOT NULL CHECK (index >= 0),
    root   bytea    NOT NULL CHECK (octet_length(root) = 32),      -- of the tile: a hash of the level above
    hashes bytea    NOT NULL CHECK (octet_length(hashes) = 8192),  -- 256 nodes of height 8 * level
    PRIMARY KEY (level, index)
);
ALTER TABLE ledger.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress

-- The tree that each transaction left behind: what its receipts say, for ever.
CREATE TABLE ledger.tree_head (
    tree_size bigint PRIMARY KEY,
    root      bytea NOT NULL CHECK (octet_length(root) = 32)
);

CREATE TRIGGER tiles_are_immutable BEFORE UPDATE OR DELETE ON ledger.tile
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER tiles_are_kept BEFORE TRUNCATE ON ledger.tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER tree_heads_are_immutable BEFORE UPDATE OR DELETE ON ledger.tree_head
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER tree_heads_are_kept BEFORE TRUNCATE ON ledger.tree_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.tile ENABLE ALWAYS TRIGGER tiles_are_immutable;
ALTER TABLE ledger.tile ENABLE ALWAYS TRIGGER tiles_are_kept;
ALTER TABLE ledger.tree_head ENABLE ALWAYS TRIGGER tree_heads_are_immutable;
ALTER TABLE ledger.tree_head ENABLE ALWAYS TRIGGER tree_heads_are_kept;

CREATE OR REPLACE FUNCTION ledger.refuse_identity_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.origin <> OLD.origin OR NEW.position < OLD.position OR NEW.recorded_at < OLD.recorded_at THEN
        RAISE EXCEPTION 'the head only moves forward, and a ledger keeps its origin';
    END IF;
    IF NEW.tree_size < OLD.tree_size OR NEW.tree_size > NEW.position
        OR (NEW.tree_size = OLD.tree_size AND (NEW.root, NEW.frontier) <> (OLD.root, OLD.frontier)) THEN
        RAISE EXCEPTION 'the tree only grows, up to the facts there are';
    END IF;
    RETURN NEW;
END $$;

GRANT SELECT, INSERT ON ledger.tile, ledger.tree_head TO clusterledger_writer;
GRANT UPDATE (tree_size, root, frontier) ON ledger.head TO clusterledger_writer;
GRANT SELECT ON ledger.tile, ledger.tree_head TO clusterledger_projector, clusterledger_reader;
