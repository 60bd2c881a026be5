"""The command line: `clusterledger`."""
