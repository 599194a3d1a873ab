package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// tampered is a log of n events in blocks of a few, whose file is then changed with
// SQL while nobody has it open.
func tampered(t *testing.T, n, each int, change ...string) (problems []string, checkpoint []byte) {
	t.Helper()
	b := newBench(t)
	for i := range n {
		b.record(seen(fmt.Sprintf("p%d %d", i%5, i)))
		if i%each == each-1 {
			b.seal()
		}
	}
	checkpoint, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "before it is changed", b.problems(Verification{Checkpoint: checkpoint}))
	b.shut()
	db, err := sql.Open("sqlite", b.file())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range change {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return verifyFile(t, b.dir, Verification{Checkpoint: checkpoint}), checkpoint
}

func verifyFile(t *testing.T, dir string, v Verification) []string {
	t.Helper()
	a, err := sqlite.OpenAudit(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	return problemsOf(t, a, v)
}

func TestRowsThatAreDroppedOrMovedAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		want      string
	}{
		"a block in the middle": {"DELETE FROM audit_block WHERE first = 4", "events 4 to 7 are missing"},
		"the first block":       {"DELETE FROM audit_block WHERE first = 0", "events 0 to 3 are missing"},
		"the last block":        {"DELETE FROM audit_block WHERE first = 16", "events 16 to 19 are missing: the log was cut"},
		"all blocks":            {"DELETE FROM audit_block", "events 0 to 19 are missing: the log was cut"},
		"the checkpoint":        {"DELETE FROM audit_head", "the last checkpoint is missing"},
		"a checkpoint's size":   {"UPDATE audit_head SET size = 19", "the last checkpoint is of 20 events, but the log says 19"},
		"a checkpoint's text":   {"UPDATE audit_head SET note = replace(CAST(note AS TEXT), '20', '19')", "the last checkpoint is not good"},
		"two blocks' bodies": {"UPDATE audit_block SET body = (SELECT o.body FROM audit_block o WHERE o.first = 12 - audit_block.first) WHERE first IN (4, 8)",
			"event 4 was altered, or stands in the place of another"},
		"the times of a block": {"UPDATE audit_block SET since = since + 60000000, until = until + 60000000 WHERE first = 4", "times of the events 4 to 7 were altered"},
		"a row of the index":   {"DELETE FROM audit_posting WHERE first = 8 AND key = (SELECT min(key) FROM audit_posting WHERE first = 8)", "index of the events from 8 was altered"},
		"a place in the index": {"UPDATE audit_posting SET at = x'03' WHERE first = 8 AND key = (SELECT min(key) FROM audit_posting WHERE first = 8)", "index of the events from 8 was altered"},
		"another row of index": {"INSERT INTO audit_posting (key, first, at) VALUES (1, 12, x'00')", "index of the events from 12 was altered"},
		"a summary's terms":    {"UPDATE audit_summary SET terms = CAST(x'01' || zeroblob(length(terms) - 1) AS BLOB) WHERE first = 8", "summary of the events 8 to 11 was altered"},
		"the keys":             {"DELETE FROM audit_signers", "the last checkpoint is not good"},
	} {
		t.Run(name, func(t *testing.T) {
			problems, _ := tampered(t, 20, 4, c.statement)
			expect(t, c.statement, problems, c.want)
		})
	}
}

func TestALogThatWasCutTogetherWithItsCheckpointIsCaughtByOneKeptElsewhere(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1"))
	if _, err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(b.file())
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(b.file() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	b.record(seen("maria 2"), seen("maria 3"))
	kept, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.shut()
	// The files of yesterday: whole, signed, and too short.
	if err := errors.Join(os.WriteFile(b.file(), before, 0o600), os.WriteFile(b.file()+"-wal", wal, 0o600)); err != nil {
		t.Fatal(err)
	}
	expect(t, "by itself", verifyFile(t, b.dir, Verification{}))
	expect(t, "with the checkpoint", verifyFile(t, b.dir, Verification{Checkpoint: kept}), "events 1 to 2 are missing: the log was cut at its end")
}

func TestAByteThatIsFlippedAnywhereInABlockIsSeen(t *testing.T) {
	b := newBench(t)
	for i := range 12 {
		b.record(seen(fmt.Sprintf("p%d %d", i%3, i)))
		if i%6 == 5 {
			b.seal()
		}
	}
	blocks, err := b.store.AuditBlocks(t.Context(), store.AuditRange{Limit: 10})
	if err != nil || len(blocks) != 2 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	whole := blocks[1].Body
	for i := range whole {
		changed := slices.Clone(whole)
		changed[i] ^= 1 << rand.IntN(8)
		if err := b.store.ReplaceAuditBlock(t.Context(), 6, blocks[1].Body, changed, nil, nil); err != nil {
			t.Fatal(err)
		}
		blocks[1].Body = changed
		problems := b.problems(Verification{})
		if len(problems) == 0 {
			t.Errorf("byte %d of %d: nothing is wrong", i, len(whole))
		}
		for _, p := range problems {
			// In the leaf of an event it is that event's hash that differs.
			if !strings.Contains(p, "event 6") && !strings.Contains(p, "events 6 to 11") && !strings.Contains(p, "event 7") && !strings.Contains(p, "event 8") &&
				!strings.Contains(p, "event 9") && !strings.Contains(p, "event 10") && !strings.Contains(p, "event 11") && !strings.Contains(p, "not those of the last checkpoint") {
				t.Errorf("byte %d: %s", i, p)
			}
		}
	}
}

// An insider with the database replaces an event, its leaf and its index rows, but
// has no key to sign another head with.
func TestAnEventThatIsReplacedTogetherWithItsLeafIsFound(t *testing.T) {
	b := newBench(t)
	for i := range 600 {
		b.record(seen(fmt.Sprintf("p%d %d", i%5, i)))
	}
	b.seal()
	forge := func(s store.Audit, number int64) {
		l := &Log{store: s}
		found, err := l.block(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		at := int(number - found.first)
		e, err := found.event(at)
		if err != nil {
			t.Fatal(err)
		}
		e.Agent.Login = "nobody"
		r := reader{b: e.appendParts(nil)}
		found.parts[at] = r.parts()
		found.leaves[at] = leafOf(number, found.salts[at], found.parts[at])
		blocks, err := s.AuditBlocks(t.Context(), store.AuditRange{From: number, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ReplaceAuditBlock(t.Context(), found.first, blocks[0].Body, found.encode(), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	forge(b.store, 300)
	expect(t, "a forged event", b.problems(Verification{}), "the hash over the events 256 to 511 is another")
}

func TestErasureKeepsTheProofs(t *testing.T) {
	b := newBench(t)
	for i := range 10 {
		b.record(seen(fmt.Sprintf("p%d %d", i%2, i)))
	}
	before, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Erase(t.Context(), 4), b.Erase(t.Context(), 9)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{4, 10, -1} {
		if err := b.Erase(t.Context(), n); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("erasing %d: %v", n, err)
		}
	}
	b.record(seen("p0 11"))
	b.seal()
	expect(t, "after erasure", b.problems(Verification{Checkpoint: before}))
	e, err := b.Event(t.Context(), 4)
	if err != nil || !e.Erased {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := b.Prove(t.Context(), 4, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a proof of an erased event: %v", err)
	}
	proof, err := b.Prove(t.Context(), 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CheckProof(proof, nil); err != nil {
		t.Errorf("a proof beside an erased event: %v", err)
	}
	found, err := b.Find(t.Context(), Query{Patient: "Patient/p0", Limit: 100})
	if err != nil || len(found.Events) != 5 {
		t.Errorf("%d events of the patient are left, %v", len(found.Events), err)
	}
}

func TestAProofShowsOneEventToOnePatient(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1 2", "walter 3"), seen("maria 4"))
	for i := range 300 {
		b.record(seen(fmt.Sprintf("p%d 1", i)))
	}
	proof, err := b.Prove(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"walter", "Observation/3", "1234-5"} {
		if strings.Contains(string(proof), secret) {
			t.Errorf("maria is shown %s", secret)
		}
	}
	e, err := CheckProof(proof, nil)
	if err != nil || e.Agent.Login != "okafor" || len(e.Patients) != 1 || e.Patients[0].Key != "Patient/maria" {
		t.Errorf("%+v, %v", e, err)
	}
	alone, err := b.Prove(t.Context(), 1, 0)
	if err != nil || !strings.Contains(string(alone), "1234-5") {
		t.Errorf("of her alone the query is shown: %s, %v", alone, err)
	}
	signers, err := Signers(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CheckProof(proof, []string{signers[0].Verifier}); err != nil {
		t.Error(err)
	}
	other := newBench(t)
	others, err := Signers(t.Context(), other.store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CheckProof(proof, []string{others[0].Verifier}); err == nil {
		t.Error("a proof is good with the key of another log")
	}
	for _, change := range [][2]string{{"okafor", "nobody"}, {`"event": 0`, `"event": 1`}, {"maria", "marie"}, {"ehr.example", "ehr.exampl3"}} {
		if _, err := CheckProof([]byte(strings.Replace(string(proof), change[0], change[1], 1)), nil); err == nil {
			t.Errorf("a proof with %s for %s is good", change[1], change[0])
		}
	}
	for _, patient := range []int{2, 7} {
		if _, err := b.Prove(t.Context(), 0, patient); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of patient %d: %v", patient, err)
		}
	}
}

func TestTwoCheckpointsAreShownToBelongTogether(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1"), seen("maria 2"))
	earlier, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		b.record(seen(fmt.Sprintf("p%d 1", i)))
	}
	later, err := b.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signers, err := Signers(context.Background(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{signers[0].Verifier}
	path, err := Consistency(t.Context(), b.store, 2, 32)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckConsistency(path, earlier, later, keys); err != nil {
		t.Error(err)
	}
	path[0] = path[len(path)-1]
	if err := CheckConsistency(path, earlier, later, keys); err == nil {
		t.Error("another path is good, too")
	}
}

func TestTheErasureOfOnePatientLeavesAnEventToTheOthers(t *testing.T) {
	b := newBench(t)
	one := func(n int, query string) *Event {
		return &Event{Kind: Search, Status: 200, Agent: Agent{User: "dr"}, Target: "Observation", Query: query, Count: n, Patients: []Patient{
			{Key: "Patient/p0", Entities: []Entity{{Action: Reads, Key: "Observation/secret"}}},
			{Key: "Patient/p1", Entities: []Entity{{Action: Reads, Key: "Observation/other"}}},
		}}
	}
	b.record(one(0, "patient=p0,p1"))
	b.record(one(1, "code=x"))
	before := must(b.Checkpoint(t.Context()))
	for n := range int64(2) {
		if err := ErasePatient(t.Context(), b.store, n, "Patient/p0"); err != nil {
			t.Fatal(err)
		}
		if err := ErasePatient(t.Context(), b.store, n, "Patient/p0"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
	}
	expect(t, "after erasure", b.problems(Verification{Checkpoint: before}))
	for n, query := range []string{"", "code=x"} {
		e := must(b.Event(t.Context(), int64(n)))
		if e.Query != query || e.Patients[0].Key != "" || e.Patients[0].Entities != nil || e.Patients[1].Key != "Patient/p1" || e.Agent.User != "dr" {
			t.Errorf("%+v", e)
		}
		for patient := -1; patient < 2; patient++ {
			proof := must(b.Prove(t.Context(), int64(n), patient))
			if _, err := CheckProof(proof, nil); err != nil || strings.Contains(string(proof), "secret") || strings.Contains(string(proof), "Patient/p0") {
				t.Errorf("a proof for %d: %v, %s", patient, err, proof)
			}
		}
	}
	for patient, want := range map[string]int{"Patient/p0": 0, "Patient/p1": 2} {
		found := must(b.Find(t.Context(), Query{Patient: patient, Limit: 10}))
		if len(found.Events) != want {
			t.Errorf("%s: %d events", patient, len(found.Events))
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
