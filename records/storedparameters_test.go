package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// parameter is a SearchParameter given as "code type expression", the type that
// its expression begins with being its base.
func parameter(id, status, definition string) records.Content {
	f := strings.SplitN(definition, " ", 3)
	base, _, _ := strings.Cut(f[2], ".")
	return body(`{"resourceType":"SearchParameter","id":%[1]q,"url":"http://example.org/SearchParameter/%[1]s","name":"Example","status":%[2]q,
		"description":"d","code":%[3]q,"base":[%[4]q],"type":%[5]q,"expression":%[6]q}`, id, status, f[0], base, f[1], f[2])
}

// define stores a search parameter.
func define(t testing.TB, d *records.Door, id, status, definition string) {
	t.Helper()
	must(d.Session(records.Principal{}, nil).Update(t.Context(), key("SearchParameter/"+id), parameter(id, status, definition), records.UpdateOptions{}))(t)
}

// unknown waits until a door has no such parameter of patients.
func (db database) unknown(t testing.TB, d *records.Door, query string) {
	t.Helper()
	await(t, func() bool {
		_, err := d.Session(records.Principal{}, nil).Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, query)})
		return err != nil && fault.KindOf(err) == fault.Invalid
	})
}

// finds waits until a search of patients finds so many; until then it is refused.
func (db database) finds(t testing.TB, d *records.Door, query string, n int) {
	t.Helper()
	await(t, func() bool {
		res, err := d.Session(records.Principal{}, nil).Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, query+"&_summary=count")})
		if err != nil {
			return false
		}
		if res.Total != int64(n) {
			t.Fatalf("%d are found by %s, not %d", res.Total, query, n)
		}
		return true
	})
}

func await(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

func TestAStoredSearchParameterIsSearchedByOnceItIsIndexed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 120
		d, other := db.door(t, records.DefaultPolicy()), db.door(t, records.DefaultPolicy())
		juniors(t, d, n)
		db.unknown(t, d, "suffix=jr")
		define(t, d, "suffix", "draft", suffix)
		db.unknown(t, d, "suffix=jr")
		define(t, d, "suffix", "active", suffix)
		db.refuses(t, d, "suffix=jr", "Patient.suffix is being indexed")
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "family=example"); got != n {
			t.Errorf("by another parameter %d are found meanwhile", got)
		}
		if r := work(t, d, nil).Report; r.Written != r.Read || r.Read != n+1 || r.Added != n || r.Refused+r.Skipped != 0 {
			t.Errorf("the report is %+v", r)
		}
		db.finds(t, d, "suffix=jr", n)
		db.finds(t, other, "suffix=jr", n)
		db.finds(t, db.door(t, records.DefaultPolicy()), "suffix=jr", n) // started later

		// Another meaning.
		define(t, other, "suffix", "active", "suffix string Patient.name.family")
		db.refuses(t, other, "suffix=example", "Patient.suffix")
		if r := work(t, d, nil).Report; r.Added != n || r.Removed != n {
			t.Errorf("the report is %+v", r)
		}
		db.finds(t, d, "suffix=example", n)
		db.finds(t, other, "suffix=jr", 0)

		// Retired, and put in force again.
		define(t, d, "suffix", "retired", "suffix string Patient.name.family")
		db.unknown(t, d, "suffix=example")
		db.unknown(t, other, "suffix=example")
		if r := work(t, d, nil).Report; r.Added != 0 || r.Removed != n {
			t.Errorf("the report is %+v", r)
		}
		define(t, d, "suffix", "active", suffix)
		db.refuses(t, d, "suffix=jr", "Patient.suffix")
		work(t, d, nil)
		db.finds(t, other, "suffix=jr", n)

		must(d.Session(records.Principal{}, nil).Delete(t.Context(), key("SearchParameter/suffix"), records.DeleteOptions{}))(t)
		db.unknown(t, d, "suffix=jr")
		db.unknown(t, other, "suffix=jr")
		if r := work(t, other, nil).Report; r.Removed != n {
			t.Errorf("the report is %+v", r)
		}
	})
}

// Writers of two processes work on while search parameters come and go. What
// they wrote is all found.
func TestNoWriteIsMissedWhileSearchParametersComeAndGo(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		doors := []*records.Door{db.door(t, records.DefaultPolicy()), db.door(t, records.DefaultPolicy())}
		var made atomic.Int64
		ended := make(chan struct{})
		var writers sync.WaitGroup
		for i := range 6 {
			s := doors[i%2].Session(records.Principal{}, nil)
			writers.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
					}
					id := made.Add(1)
					content := body(`{"resourceType":"Patient","id":"w%d","name":[{"family":"Example","suffix":["Jr"]}]}`, id)
					var err error
					switch i / 2 {
					case 0:
						_, err = s.Update(t.Context(), key(fmt.Sprintf("Patient/w%d", id)), content, records.UpdateOptions{})
					case 1:
						var loaded []records.Loaded
						loaded, err = s.Load(t.Context(), []records.Content{content}, records.LoadOptions{})
						if err == nil {
							err = loaded[0].Err
						}
					case 2:
						_, err = s.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":%s,"request":{"method":"PUT","url":"Patient/w%d"}}]}`, content.JSON, id), records.BundleOptions{})
					}
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(20 * time.Millisecond) // not more than a walk keeps up with
				}
			})
		}
		codes := []string{"first", "second", "third"}
		for i, code := range codes {
			define(t, doors[i%2], code, "active", code+" string Patient.name.suffix")
			work(t, doors[(i+1)%2], nil)
		}
		define(t, doors[0], "first", "retired", "first string Patient.name.suffix")
		work(t, doors[1], nil)
		close(ended)
		writers.Wait()
		db.unknown(t, doors[1], "first=jr")
		for _, code := range codes[1:] {
			for _, d := range doors {
				db.finds(t, d, code+"=jr", int(made.Load()))
			}
		}
		t.Logf("%d were written meanwhile", made.Load())
	})
}

// held is a store whose Write and Import wait at a gate.
type held struct {
	store.Store
	came, gate chan struct{}
}

func (h held) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	h.came <- struct{}{}
	<-h.gate
	return h.Store.Write(ctx, fn)
}

// A process prepares a write and is held up, while another one defines a search
// parameter and indexes everything. The write is prepared anew.
func TestAWriteThatWasPreparedBeforeAWalkIsNotMissed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.DefaultPolicy())
		juniors(t, d, 1)
		h := held{db.open(t), make(chan struct{}), make(chan struct{})}
		late := must(records.Open(t.Context(), records.Config{Store: h, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.DefaultPolicy()}))(t)
		ended := make(chan error, 1)
		go func() {
			_, err := late.Session(records.Principal{}, nil).Update(t.Context(), key("Patient/late"), body(`{"resourceType":"Patient","id":"late","name":[{"suffix":["Jr"]}]}`), records.UpdateOptions{})
			ended <- err
		}()
		<-h.came
		define(t, d, "suffix", "active", suffix)
		work(t, d, nil)
		db.finds(t, d, "suffix=jr", 1)
		h.gate <- struct{}{}
		again := false
		for {
			select {
			case <-h.came:
				again = true
				h.gate <- struct{}{}
				continue
			case err := <-ended:
				if err != nil {
					t.Fatal(err)
				}
			}
			break
		}
		if !again {
			t.Error("it was written as it had been prepared")
		}
		db.finds(t, d, "suffix=jr", 2)
	})
}

func TestASearchParameterThatCannotBeInForceIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.DefaultPolicy())
		s := d.Session(records.Principal{}, nil)
		for definition, says := range map[string]string{
			"family token Patient.name.suffix": "another meaning",
			"sufix string Patient.name.sufix":  "sufix",
			"suffix date Patient.name":         "nothing for a parameter of type date",
		} {
			_, err := s.Update(t.Context(), key("SearchParameter/x"), parameter("x", "active", definition), records.UpdateOptions{})
			refused(t, err, fault.Unprocessable, "SearchParameter.", says)
			define(t, d, "x", "draft", definition) // nobody searches by a draft
		}
		_, err := s.Create(t.Context(), "SearchParameter", body(`{"resourceType":"SearchParameter","url":"http://hl7.org/fhir/SearchParameter/Patient-active","name":"A","status":"active",
			"description":%q,"code":"other","base":["Patient"],"type":"token","expression":"Patient.active"}`, "d"), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "SearchParameter.url", "the server was started with")
		_, err = s.Create(t.Context(), "SearchParameter", body(`{"resourceType":"SearchParameter","url":"http://example.org/long","name":"A","status":"active",
			"description":%q,"code":"other","base":["Patient"],"type":"token","expression":"Patient.active"}`, strings.Repeat("long ", 20_000)), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "up to 65536 bytes")

		issues := must(s.Validate(t.Context(), records.ValidateRequest{Type: "SearchParameter", Mode: "create", Content: &records.Content{JSON: parameter("y", "active", "family token Patient.name.suffix").JSON}}))(t)
		if len(issues) == 0 || !strings.Contains(issues[0].Message, "another meaning") {
			t.Errorf("$validate says %v", issues)
		}
		// Two in one transaction.
		bundle := `{"resourceType":"Bundle","type":"transaction","entry":[`
		for i, id := range []string{"one", "two"} {
			bundle += fmt.Sprintf(`%s{"resource":%s,"request":{"method":"PUT","url":"SearchParameter/%s"}}`, strings.Repeat(",", i), parameter(id, "active", suffix).JSON, id)
		}
		_, err = s.Bundle(t.Context(), body("%s]}", bundle), records.BundleOptions{})
		refused(t, err, fault.Unprocessable, "SearchParameter/one", "SearchParameter/two", "one code")
		db.unknown(t, d, "suffix=jr")
	})
}

// Of several that are stored at once under one code, one is taken.
func TestOneCodeIsGivenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		doors := []*records.Door{db.door(t, records.DefaultPolicy()), db.door(t, records.DefaultPolicy())}
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				id := fmt.Sprintf("s%d", i)
				expression := []string{"suffix", "family", "given", "prefix"}[i%4]
				_, err := doors[i%2].Session(records.Principal{}, nil).Update(t.Context(), key("SearchParameter/"+id), parameter(id, "active", "rival string Patient.name."+expression), records.UpdateOptions{})
				switch {
				case err == nil:
					taken.Add(1)
				case fault.KindOf(err) != fault.Unprocessable:
					t.Error(err)
				}
			})
		}
		all.Wait()
		stored := must(db.door(t, records.DefaultPolicy()).StoredParameters(t.Context()))(t)
		for _, p := range stored {
			if p.Problem != "" {
				t.Errorf("%s was taken, and %s", p.Key, p.Problem)
			}
		}
		// Two of the eight mean the same, and may both be there.
		if n := taken.Load(); n < 1 || n > 2 || int(n) != len(stored) {
			t.Errorf("%d were taken, %d are stored", n, len(stored))
		}
	})
}

func TestImportedSearchParametersAreInForce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.DefaultPolicy())
		juniors(t, d, 3)
		contents := make([]records.Content, 203)
		for i := range contents {
			contents[i] = parameter(fmt.Sprintf("s%03d", i), "active", fmt.Sprintf("code%d string Patient.name.suffix", i))
		}
		contents[1] = parameter("s001", "active", "code0 string Patient.name.family") // the code of another one
		s := d.Session(records.Principal{}, nil)
		loaded := must(s.Load(t.Context(), contents, records.LoadOptions{Request: records.Request{Bulk: true}}))(t)
		for _, l := range loaded {
			if l.Err != nil {
				t.Fatal(l.Err)
			}
		}
		if err := d.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		stored := must(d.StoredParameters(t.Context()))(t)
		problems := 0
		for i, p := range stored {
			if p.Problem == "" {
				continue
			}
			problems++
			if i != 1 && i != 200 || i == 1 && !strings.Contains(p.Problem, "another meaning") || i == 200 && !strings.Contains(p.Problem, "there are 200") {
				t.Errorf("%s: %s", p.Key, p.Problem)
			}
		}
		if len(stored) != 201 || problems != 2 {
			t.Errorf("%d are known, %d with a problem", len(stored), problems)
		}
		_, err := s.Create(t.Context(), "SearchParameter", parameter("more", "active", "more string Patient.name.suffix"), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "no more are taken")
		work(t, d, nil)
		db.finds(t, d, "code199=jr", 3)
		db.finds(t, d, "code0=jr", 3)
		db.unknown(t, d, "code200=jr")
	})
}

func TestASearchParameterIsComposedOfStoredOnes(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.DefaultPolicy())
		s := d.Session(records.Principal{}, nil)
		juniors(t, d, 2)
		composite := func(component string) records.Content {
			return body(`{"resourceType":"SearchParameter","id":"both","url":"http://example.org/both","name":"Both","status":"active","description":"d","code":"both","base":["Patient"],
				"type":"composite","expression":"Patient.name","component":[{"definition":"http://hl7.org/fhir/SearchParameter/individual-family","expression":"family"},
				{"definition":%q,"expression":"suffix"}]}`, component)
		}
		const own = "http://example.org/SearchParameter/suffix"
		_, err := s.Update(t.Context(), key("SearchParameter/both"), composite(own), records.UpdateOptions{})
		refused(t, err, fault.Unprocessable, "SearchParameter.component[1].definition", "not known here")
		define(t, d, "suffix", "active", suffix)
		must(s.Update(t.Context(), key("SearchParameter/both"), composite(own), records.UpdateOptions{}))(t)
		work(t, d, nil)
		db.finds(t, d, "both=example$jr", 2)
		db.finds(t, d, "both=example$sr", 0)
		define(t, d, "suffix", "retired", suffix)
		db.unknown(t, d, "both=example$jr")
		stored := must(d.StoredParameters(t.Context()))(t)
		if len(stored) != 1 || !strings.Contains(stored[0].Problem, "not known here") {
			t.Errorf("%+v", stored)
		}
	})
}

func TestAReindexWithStoredSearchParametersCountsRows(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 30
		d := db.door(t, records.DefaultPolicy())
		juniors(t, d, n)
		define(t, d, "suffix", "active", suffix)
		p := must(d.Reindex(t.Context(), records.ReindexOptions{}))(t)
		if p.Read != n+1 || p.Written != n+1 || p.Added != n || p.Removed != 0 || p.Skipped+p.Refused != 0 || !p.Done {
			t.Errorf("the report is %+v", p)
		}
		db.finds(t, d, "suffix=jr", n)
		unchanged := p.Unchanged
		p = must(d.Reindex(t.Context(), records.ReindexOptions{}))(t)
		if p.Added+p.Removed != 0 || p.Unchanged != unchanged+n {
			t.Errorf("the second report is %+v, after %d unchanged rows", p, unchanged)
		}
		must(d.Session(records.Principal{}, nil).Delete(t.Context(), key("SearchParameter/suffix"), records.DeleteOptions{}))(t)
		p = must(d.Reindex(t.Context(), records.ReindexOptions{Types: nil}))(t)
		if p.Read != n || p.Removed != n || p.Added != 0 {
			t.Errorf("the third report is %+v", p)
		}
		if errs := must(d.Incomplete(t.Context()))(t); len(errs) != 0 {
			t.Error(errors.New("incomplete"), errs)
		}
	})
}

// forgetful is a store of a process that dies after its first write.
type forgetful struct {
	store.Store
	dead *atomic.Bool
}

var errDead = errors.New("dead")

func (f forgetful) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	defer f.dead.Store(true)
	return f.Store.Write(ctx, fn)
}

func (f forgetful) History(ctx context.Context, q store.HistoryQuery) (store.HistoryPage, error) {
	if f.dead.Load() {
		return store.HistoryPage{}, errDead
	}
	return f.Store.History(ctx, q)
}

func TestWhatADeadProcessStoredOfSearchParametersIsTakenUp(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 5
		d := db.door(t, records.DefaultPolicy())
		juniors(t, d, n)
		dying := must(records.Open(t.Context(), records.Config{
			Store: forgetful{db.open(t), new(atomic.Bool)}, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.DefaultPolicy(),
		}))(t)
		define(t, dying, "suffix", "active", suffix)
		db.unknown(t, d, "suffix=jr")
		work(t, d, nil)
		db.finds(t, d, "suffix=jr", n)
	})
}
