// Package storetest is the contract of package store as tests. Each database
// runs all of it.
package storetest

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Run runs the contract. open gives a new, empty store; Run closes it. It
// fails unless every case ran, so that all databases pass the same number.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	passed := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
				if !t.Failed() && !t.Skipped() {
					passed++
				}
			})
			c.run(t, bench{s, context.WithoutCancel(t.Context())})
		})
	}
	if filter := flag.Lookup("test.run").Value.String(); passed != len(cases) && !strings.Contains(filter, "/") {
		t.Errorf("%d of %d cases of the contract passed", passed, len(cases))
	}
}

type testCase struct {
	name string
	run  func(t *testing.T, b bench)
}

var cases = slices.Concat(writeCases, searchCases, referenceCases, formerCases, historyCases, transactionCases, holdCases, expungeCases, textCases, keepingCases,
	identityCases, limitCases, auditCases, alongCases, explainCases, governCases, decideCases, regovernCases, eventCases, walkCases)

// bench is a store with what the cases often do.
type bench struct {
	store.Store
	ctx context.Context
}

// epoch is when the first version of a case was written.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(minute int) time.Time { return epoch.Add(time.Duration(minute) * time.Minute) }

func key(s string) fhir.Key {
	for i := range s {
		if s[i] == '/' {
			return fhir.Key{Type: fhir.Type(s[:i]), ID: fhir.ID(s[i+1:])}
		}
	}
	panic("storetest: not a key: " + s)
}

func keys(ss ...string) []fhir.Key {
	out := make([]fhir.Key, len(ss))
	for i, s := range ss {
		out[i] = key(s)
	}
	return out
}

func body(k fhir.Key, mark string) []byte {
	return fmt.Appendf(nil, `{"resourceType":%q,"id":%q,"language":%q}`, k.Type, k.ID, mark)
}

// put is a write of a resource with a marked body.
func (b bench) put(k string, expect int64, mark string, index ...search.Entry) store.Write {
	return store.Write{
		Key: key(k), Expect: expect, Updated: epoch, Method: "PUT", Release: definitions.R4,
		Body: b.Pack(body(key(k), mark), index),
	}
}

func (b bench) remove(k string, expect int64) store.Write {
	return store.Write{Key: key(k), Expect: expect, Updated: epoch, Method: "DELETE", Release: definitions.R4}
}

// write commits writes and returns their records.
func (b bench) write(t *testing.T, writes ...store.Write) []store.Record {
	t.Helper()
	records, err := b.try(writes...)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return records
}

func (b bench) try(writes ...store.Write) (records []store.Record, err error) {
	err = b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		records, err = tx.Put(ctx, writes)
		return err
	})
	return records, err
}

// The parameters that the cases index by.
var (
	code     = search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
	status   = search.Param{Type: "Observation", Code: "status", Kind: definitions.SearchToken}
	subject  = search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	date     = search.Param{Type: "Observation", Code: "date", Kind: definitions.SearchDate}
	family   = search.Param{Type: "Patient", Code: "family", Kind: definitions.SearchString}
	gender   = search.Param{Type: "Patient", Code: "gender", Kind: definitions.SearchToken}
	location = search.Param{Type: "Encounter", Code: "location", Kind: definitions.SearchReference}
)

func token(p search.Param, system, code string) search.Entry {
	return search.Entry{Param: p, System: system, Code: code}
}

func refer(p search.Param, k string) search.Entry {
	return search.Entry{Param: p, RefType: string(key(k).Type), RefID: string(key(k).ID)}
}

func text(p search.Param, s string) search.Entry {
	return search.Entry{Param: p, Norm: search.Normalize(s), Text: s}
}

func day(p search.Param, n int) search.Entry {
	return search.Entry{Param: p, Time: dayRange(n)}
}

func dayRange(n int) search.TimeRange {
	lo := epoch.Truncate(24*time.Hour).AddDate(0, 0, n).UnixMicro()
	return search.TimeRange{Lo: lo, Hi: lo + 24*time.Hour.Microseconds()}
}
