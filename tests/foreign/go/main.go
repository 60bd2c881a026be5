// Checks a log with Go's own golang.org/x/mod/sumdb: notes, tree heads, records, growth, tiles.
// Reads one case as JSON from standard input, prints what it accepted, ends with 1 at the first refusal.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Index  int64
	Leaf   string
	Hashes []string
}

type growth struct {
	Size   int64
	Root   string
	Hashes []string
}

type given struct {
	Key        string
	Checkpoint string
	Proofs     []proof
	Growths    []growth
	LeafHashes []string
}

func check(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func hashOf(text string) (hash tlog.Hash) {
	raw, err := base64.StdEncoding.DecodeString(text)
	check(err)
	if copy(hash[:], raw) != tlog.HashSize {
		check(fmt.Errorf("a hash of %d bytes", len(raw)))
	}
	return hash
}

func hashesOf(texts []string) (hashes []tlog.Hash) {
	for _, text := range texts {
		hashes = append(hashes, hashOf(text))
	}
	return hashes
}

func main() {
	var in given
	check(json.NewDecoder(os.Stdin).Decode(&in))
	verifier, err := note.NewVerifier(in.Key)
	check(err)
	opened, err := note.Open([]byte(in.Checkpoint), note.VerifierList(verifier))
	check(err)
	// tlog.ParseTree wants sum.golang.org's first line; the other two lines are the same.
	lines := strings.SplitN(opened.Text, "\n", 2)
	if lines[0] != verifier.Name() {
		check(fmt.Errorf("origin %q", lines[0]))
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + lines[1]))
	check(err)
	for _, p := range in.Proofs {
		leaf, err := base64.StdEncoding.DecodeString(p.Leaf)
		check(err)
		check(tlog.CheckRecord(hashesOf(p.Hashes), tree.N, tree.Hash, p.Index, tlog.RecordHash(leaf)))
	}
	for _, g := range in.Growths {
		check(tlog.CheckTree(hashesOf(g.Hashes), tree.N, tree.Hash, g.Size, hashOf(g.Root)))
	}
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, stored[i])
		}
		return found, nil
	})
	for n, text := range in.LeafHashes {
		more, err := tlog.StoredHashesForRecordHash(int64(n), hashOf(text), read)
		check(err)
		stored = append(stored, more...)
	}
	if len(in.LeafHashes) > 0 {
		root, err := tlog.TreeHash(tree.N, read)
		check(err)
		if root != tree.Hash {
			check(fmt.Errorf("all leaves lead to %v, signed is %v", root, tree.Hash))
		}
	}
	fmt.Printf("accepted: %s, size %d, root %v, %d records, %d growths, %d leaves\n",
		lines[0], tree.N, tree.Hash, len(in.Proofs), len(in.Growths), len(in.LeafHashes))
}
