-- Needs: involvement_stream
SELECT kind, first_key, second_key FROM involvement_stream
