-- People who sign in with an identity provider, and links that sign in once. Neither is a fact.

-- No name and no address: the provider knows who it is. Facts carry the random id (user:<user_id>).
CREATE TABLE ledger.app_user (
    user_id     uuid        PRIMARY KEY,
    subject     bytea       NOT NULL UNIQUE CHECK (octet_length(subject) = 32),  -- SHA-256 of issuer and subject
    roles       text[]      NOT NULL,                                            -- as the provider said last
    handle      bytea       NOT NULL UNIQUE CHECK (octet_length(handle) = 32),   -- sessions name it; a new one ends them
    created_at  timestamptz NOT NULL DEFAULT now(),
    asserted_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ledger.sign_in_link (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    expires_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE (roles, handle, asserted_at) ON ledger.app_user TO clusterledger_writer;
GRANT SELECT, INSERT, DELETE ON ledger.sign_in_link TO clusterledger_writer;
