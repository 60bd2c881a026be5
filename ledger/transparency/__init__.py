"""The verifiable log: tree, tiles, notes, checkpoints, proofs, in formats that others verify."""
