package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// working runs the background work of a door until the test ends or stop is called.
func working(t testing.TB, d *records.Door) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := d.Work(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); work.Wait() }
	t.Cleanup(stop)
	return stop
}

// erased waits for the end of an erasure.
func erased(t testing.TB, s *records.Session, id fhir.ID) records.Erasure {
	t.Helper()
	for range 1200 {
		e := must(s.Erasure(t.Context(), id))(t)
		if !e.Running {
			return e
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the erasure does not end")
	return records.Erasure{}
}

// shared fills a door with two patients, of whom gone has what is to be erased and
// stays has what is not, and with what belongs to both or to nobody.
func shared(t testing.TB, s *records.Session) {
	t.Helper()
	for _, p := range []string{"gone", "stays"} {
		put(t, s, "Patient/"+p, `{"resourceType":"Patient","id":%q,"name":[{"family":"Delgado-%[1]s"}]}`, p)
		put(t, s, "Encounter/"+p, `{"resourceType":"Encounter","id":%q,"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/%[1]s"}}`, p)
		for n := range 3 {
			put(t, s, fmt.Sprintf("Observation/%s%d", p, n), `{"resourceType":"Observation","id":"%s%d","status":"final","code":{"text":"note of %[1]s"},"subject":{"reference":"Patient/%[1]s"},"encounter":{"reference":"Encounter/%[1]s"}}`, p, n)
		}
		must(s.UpdateBinary(t.Context(), fhir.ID("scan-"+p), records.BinaryContent{ContentType: "text/plain", Content: func(yield func([]byte, error) bool) { yield([]byte("scan of "+p), nil) }}, records.UpdateOptions{}))(t)
		put(t, s, "DocumentReference/"+p, `{"resourceType":"DocumentReference","id":%q,"status":"current","subject":{"reference":"Patient/%[1]s"},"content":[{"attachment":{"url":"Binary/scan-%[1]s"}}]}`, p)
		put(t, s, "Provenance/"+p, `{"resourceType":"Provenance","id":%q,"target":[{"reference":"Observation/%[1]s0"}],"recorded":"2024-05-01T12:00:00Z","agent":[{"who":{"display":"x"}}]}`, p)
		consents(t, s, p, p, denyAll)
	}
	put(t, s, "Group/g", `{"resourceType":"Group","id":"g","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Delgado-gone</div>"},"type":"person","actual":true,
		"member":[{"entity":{"reference":"Patient/gone","display":"Delgado-gone"}},{"entity":{"reference":"Patient/stays","display":"Delgado-stays"}}]}`)
	put(t, s, "Provenance/both", `{"resourceType":"Provenance","id":"both","target":[{"reference":"Observation/gone1"},{"reference":"Observation/stays1"}],"recorded":"2024-05-01T12:00:00Z","agent":[{"who":{"display":"x"}}]}`)
	put(t, s, "List/l", `{"resourceType":"List","id":"l","status":"current","mode":"working","subject":{"reference":"Patient/stays"},"entry":[{"item":{"reference":"Observation/gone2"}},{"item":{"reference":"Observation/stays2"}}]}`)
	put(t, s, "Appointment/both", `{"resourceType":"Appointment","id":"both","status":"booked","start":"2024-05-01T12:00:00Z","end":"2024-05-01T13:00:00Z","participant":[{"actor":{"reference":"Patient/gone"},"status":"accepted"},{"actor":{"reference":"Patient/stays"},"status":"accepted"}]}`)
	// Of old, and deleted.
	observation(t, s, "moved", "Patient/gone")
	observation(t, s, "moved", "Patient/stays")
	observation(t, s, "deleted", "Patient/gone")
	must(s.Delete(t.Context(), key("Observation/deleted"), records.DeleteOptions{}))(t)
}

func TestAnErasedPatientIsGoneFromAllVersionsAndFromThoseOfOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		st := db.open(t)
		d := must(records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		shared(t, s)
		working(t, d)
		privacy := inRole(t, d, "privacy-officer", "user/*.cruds")
		if _, err := privacy.Erase(t.Context(), "gone", "asked by the patient"); err != nil {
			t.Fatal(err)
		}
		e := erased(t, privacy, "gone")
		if e.Error != "" || e.By != "Ms privacy-officer" || e.Reason != "asked by the patient" || e.Ended.IsZero() {
			t.Errorf("%+v", e)
		}
		// Patient, Encounter, 3 Observations and the deleted one, Binary, DocumentReference, Consent, Provenance.
		if e.Resources != 10 || e.Types["Observation"] != 4 || e.Types["Binary"] != 1 || e.Types["Provenance"] != 1 || e.Contents != 1 || e.Rewritten != 4 || len(e.Left) > 0 {
			t.Errorf("%+v", e.Erased)
		}
		if got := strings.Join(e.Changed, " "); got != "List/l Provenance/both Appointment/both Group/g" && len(e.Changed) != 4 {
			t.Error(got)
		}
		after := store.Seq(0)
		for {
			versions := must(st.Changes(t.Context(), after, 100, true))(t)
			for _, v := range versions {
				for _, word := range []string{"Patient/gone", "Delgado-gone", "note of gone", "Observation/gone", "scan-gone"} {
					if strings.Contains(string(v.Body), word) {
						t.Errorf("%s version %d has %q: %s", v.Key, v.Version, word, v.Body)
					}
				}
				after = v.Seq
			}
			if len(versions) < 100 {
				break
			}
		}
		if got := found(t, s, "Observation", "code:text=note&_sort=_id"); got != "Observation/stays0 Observation/stays1 Observation/stays2" {
			t.Error(got)
		}
		if got := found(t, s, "Group", "member=Patient/stays"); got != "Group/g" {
			t.Error(got)
		}
		group := must(s.Read(t.Context(), key("Group/g"), records.ReadOptions{}))(t)
		if !strings.Contains(string(group.JSON), `{"entity":{"display":"erased"}}`) {
			t.Errorf("%s", group.JSON)
		}
		if n := must(st.PoliciesOf(t.Context(), "gone", time.Now().UnixMicro()))(t); len(n) != 0 {
			t.Errorf("policies %v", n)
		}
		_, err := s.Read(t.Context(), key("Patient/gone"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
		res, content, err := s.ReadBinary(t.Context(), "scan-stays", "", 0, -1)
		if err != nil || content.Size != int64(len("scan of stays")) {
			t.Error(res, content, err)
		}
		_, err = privacy.Erase(t.Context(), "gone", "again")
		refused(t, err, fault.NotFound)
		// The id can come again.
		patient(t, s, "gone")
		if n := count(t, s, "Observation", "subject=Patient/gone"); n != 0 {
			t.Error(n)
		}
	})
}

func TestWhatIsHeldIsNotErased(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester", Name: "Tester"}, nil)
		shared(t, s)
		for _, held := range []string{"Patient/gone", "Observation/gone1", "Observation/moved", "Provenance/gone"} {
			must(s.SetHold(t.Context(), key(held), "a case"))(t)
			_, err := s.Erase(t.Context(), "gone", "asked")
			refused(t, err, fault.Conflict, "Patient/gone cannot be erased", "a case", "set by Tester")
			if err := s.LiftHold(t.Context(), key(held)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := inRole(t, d, "practitioner", "user/*.cruds").Erase(t.Context(), "gone", "asked")
		refused(t, err, fault.Forbidden, `the operation "erase"`)
		_, err = s.Erase(t.Context(), "gone", "")
		refused(t, err, fault.Invalid, "has a reason")
		_, err = s.Erase(t.Context(), "nobody", "asked")
		refused(t, err, fault.NotFound)
		_, err = s.Erasure(t.Context(), "gone")
		refused(t, err, fault.NotFound)

		// Once it is ordered nothing of the patient can be held; what another one's is
		// keeps its history, and is named.
		must(s.SetHold(t.Context(), key("Group/g"), "another case"))(t)
		must(s.Erase(t.Context(), "gone", "asked"))(t)
		for _, late := range []string{"Patient/gone", "Observation/gone1"} {
			_, err := s.SetHold(t.Context(), key(late), "too late")
			refused(t, err, fault.Conflict, "is being erased")
		}
		working(t, d)
		e := erased(t, s, "gone")
		if strings.Join(e.Left, " ") != "Group/g" || e.Error != "" {
			t.Errorf("%+v", e)
		}
		if v := must(s.VRead(t.Context(), key("Group/g"), "1", records.ReadOptions{}))(t); !strings.Contains(string(v.JSON), "Patient/gone") {
			t.Errorf("%s", v.JSON)
		}
	})
}

// failing fails the n-th call of what an erasure does to the store.
type failing struct {
	store.Store
	mu    sync.Mutex
	left  int
	fails bool
}

var errKilled = errors.New("killed")

func (f *failing) step() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left < 0 && f.fails {
		return errKilled
	}
	return nil
}

func (f *failing) Expunge(ctx context.Context, x store.Expunge) (int64, error) {
	if err := f.step(); err != nil {
		return 0, err
	}
	n, err := f.Store.Expunge(ctx, x)
	return n, errors.Join(err, f.step())
}

func (f *failing) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.Store.UpdateJob(ctx, j, holder)
}

func (f *failing) DeleteBlob(ctx context.Context, name string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.Store.DeleteBlob(ctx, name)
}

// The process is lost at every point at which an erasure touches the store; the next
// one goes on, and the report counts all once.
func TestAnErasureThatIsKilledAnywhereIsFinishedByTheNextProcess(t *testing.T) {
	for at := 2; ; at += 3 {
		st := newDatabase(t, "sqlite").open(t)
		f := &failing{Store: st, left: at}
		open := func(s store.Store) *records.Door {
			return must(records.Open(t.Context(), records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		}
		d := open(f)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		shared(t, s)
		must(s.Erase(t.Context(), "gone", "asked"))(t)
		f.left, f.fails = at, true
		stop := working(t, d)
		deadline := time.Now().Add(time.Minute)
		for {
			f.mu.Lock()
			killed := f.left < 0
			f.mu.Unlock()
			e := must(s.Erasure(t.Context(), "gone"))(t)
			if killed || !e.Running || time.Now().After(deadline) {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		f.fails = false
		if e := must(s.Erasure(t.Context(), "gone"))(t); !e.Running {
			if at < 10 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		// The next process takes the job up when its lease is over, or at once.
		next := must(records.Open(t.Context(), records.Config{
			Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base,
		}))(t)
		job := must(st.ReadJob(t.Context(), "erase/gone"))(t)
		if job.State == store.JobRunning || job.RunAt.After(time.Now()) {
			job.State, job.Lease, job.RunAt = store.JobReady, time.Time{}, time.Now()
			if err := st.UpdateJob(t.Context(), job, job.Holder); err != nil {
				t.Fatal(err)
			}
		}
		stop = working(t, next)
		e := erased(t, s, "gone")
		stop()
		if e.Resources != 10 || e.Contents != 1 || e.Error != "" || len(e.Left) > 0 {
			t.Errorf("killed at %d: %+v", at, e)
		}
		for _, v := range must(st.Changes(t.Context(), 0, 1000, true))(t) {
			if strings.Contains(string(v.Body), "/gone") || strings.Contains(string(v.Body), "-gone") {
				t.Errorf("killed at %d: %s version %d: %s", at, v.Key, v.Version, v.Body)
			}
		}
	}
}

func TestTheAuditLogForgetsAnErasedPatientAndItsProofsHold(t *testing.T) {
	st := newDatabase(t, "sqlite").open(t)
	d := must(records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
	s := d.Session(records.Principal{ID: "tester"}, nil)
	shared(t, s)
	log := must(audit.Open(t.Context(), audit.Config{Store: st, Secret: unsealed{}, Origin: base}))(t)
	record := func(e audit.Event) {
		if err := log.Record(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	whose := func(ids ...string) (all []audit.Patient) {
		for _, id := range ids {
			all = append(all, audit.Patient{Key: "Patient/" + id, Entities: []audit.Entity{{Action: audit.Reads, Key: "Observation/" + id + "0"}}})
		}
		return all
	}
	record(audit.Event{Kind: audit.Read, Target: "Observation/gone0", Patients: whose("gone")})
	record(audit.Event{Kind: audit.Search, Target: "Observation", Query: "patient=gone,stays", Patients: whose("gone", "stays")})
	record(audit.Event{Kind: audit.Read, Target: "Observation/stays0", Patients: whose("stays")})
	record(audit.Event{Kind: audit.SignIn, Agent: audit.Agent{Login: "delgado", Is: "Patient/gone"}})
	record(audit.Event{Kind: audit.Read, Agent: audit.Agent{Login: "delgado", Is: "Patient/gone"}, Patients: whose("stays")})
	hidden := func(ids ...string) audit.Event {
		h := audit.Hidden{Key: "Observation/" + ids[0] + "0", By: []string{"Consent/" + ids[0]}}
		for _, p := range whose(ids...) {
			h.Patients = append(h.Patients, p.Key)
		}
		return audit.Event{Kind: audit.Read, Status: 404, Target: h.Key, Hidden: h}
	}
	record(hidden("gone"))
	record(hidden("gone", "stays"))
	record(hidden("stays"))
	before := must(log.Checkpoint(t.Context()))(t)
	working(t, d)
	must(s.Erase(t.Context(), "gone", "asked"))(t)
	if e := erased(t, s, "gone"); e.Events != 5 || e.Error != "" {
		t.Errorf("%+v", e)
	}
	for n, want := range []string{"erased", "stays", "stays", "erased", "stays", "erased", "", "stays"} {
		e := must(log.Event(t.Context(), int64(n)))(t)
		text := fmt.Sprintf("%+v", e)
		if e.Erased != (want == "erased") || n != 4 && strings.Contains(text, "gone") || !e.Erased && !strings.Contains(text, want) {
			t.Errorf("event %d: %s", n, text)
		}
	}
	report, err := audit.Verify(t.Context(), st, audit.Verification{Checkpoint: before})
	if err != nil || report.Problems > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// unsealed keeps secrets as they are.
type unsealed struct{}

func (unsealed) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (unsealed) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }
