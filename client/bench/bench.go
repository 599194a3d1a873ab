// Package bench measures a FHIR R4 server from outside: standard calls only,
// so that any server can be measured. It writes synthetic resources into the
// server and is meant for servers made for the purpose.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options say what to measure. The zero value of a number means its default.
type Options struct {
	BaseURL     string        // FHIR base, "http://127.0.0.1:8080/fhir"
	Token       string        // bearer token; "" for none
	Workloads   []string      // names of Workloads, or "search" for all that begin with it; empty means all
	From        []string      // files of Bundles, as Synthea writes them, one a line, gzipped or not, to fill with copies of; none for generated patients
	Fill        int           // bring the server to so many resources first (counted over what Run wrote itself)
	Concurrency int           // connections at work at once; 16
	Duration    time.Duration // of each workload; 10 s
	Warmup      time.Duration // before each, not counted; 1 s
	Seed        uint64        // of the generated data
	Log         io.Writer     // progress lines; nil for none
}

// Result is what one workload gave.
type Result struct {
	Workload  string        `json:"workload"`
	Resources int           `json:"resources"` // written by this run before the workload started
	Requests  int           `json:"requests"`
	Failed    int           `json:"failed"` // status other than the expected, or no answer
	Elapsed   time.Duration `json:"elapsed"`
	PerSecond float64       `json:"perSecond"` // requests answered as expected
	P50       time.Duration `json:"p50"`
	P90       time.Duration `json:"p90"`
	P99       time.Duration `json:"p99"`
	Written   int           `json:"written"`         // resources written during the workload
	Error     string        `json:"error,omitempty"` // the first failure, as an example

	Size               float64 `json:"size,omitempty"`               // of searches: resources in an answer, in the mean
	HitsPerSecond      float64 `json:"hitsPerSecond,omitempty"`      // of counts: the totals answered
	ResourcesPerSecond float64 `json:"resourcesPerSecond,omitempty"` // of export: those that were fetched
	Note               string  `json:"note,omitempty"`               // what else a reader has to know
	NotAnswered        string  `json:"notAnswered,omitempty"`        // why it was not measured: what the server said, or what it lacks
}

// A Workload is one named mix of requests.
type Workload struct {
	Name    string
	What    string
	step    func(ctx context.Context, w *worker) error
	prepare func(ctx context.Context, r *run) (asked, error)  // makes the step, if it depends on what the server has; nil otherwise
	whole   func(ctx context.Context, r *run) (Result, error) // measures by itself, instead of a step; nil otherwise
}

// Workloads lists the mixes that Run knows, in the order in which it runs them.
func Workloads() []Workload {
	all := []Workload{
		{Name: "crud", What: "create, read, update, read, delete of one Patient or Observation: each request counts", step: crud},
		{Name: "transaction", What: "a transaction of four resources that refer to each other", step: smallTransaction},
		{Name: "bundle", What: "a whole patient as one transaction of about 60 resources", step: patientBundle},
		{Name: readWorkload, What: "reads and searches as an app makes them: by id, patient, code, date, with includes", step: readMix},
	}
	for _, s := range searches {
		all = append(all, Workload{Name: searchPrefix + s.name, What: s.what, prepare: s.prepare})
	}
	return append(all,
		Workload{Name: "counts", What: "accurate totals of large sets, in hits per second", prepare: counts},
		Workload{Name: "subscriptions", What: "how long after a write its subscriber is told, at 1,000 changes a second", prepare: subscriptions},
		Workload{Name: exportWorkload, What: "a Bulk Data export of all there is, from the kick-off to the last byte of its files", whole: export})
}

const (
	readWorkload = "read"
	searchPrefix = "search/"
)

// Run fills the server and runs the workloads one after another. It stops by
// itself after at most the durations asked for, or when ctx ends.
func Run(ctx context.Context, o Options) ([]Result, error) {
	o = o.withDefaults()
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("bench: %q is not the URL of a FHIR server; give one such as http://127.0.0.1:8080/fhir", o.BaseURL)
	}
	wanted, err := choose(o.Workloads)
	if err != nil {
		return nil, err
	}
	r := newRun(o, base)
	fewest := 0
	if slices.ContainsFunc(wanted, func(w Workload) bool { return w.Name == readWorkload }) {
		fewest = fewestPatients
	}
	if err := r.fill(ctx, fewest); err != nil {
		return nil, err
	}
	var results []Result
	for _, w := range wanted {
		result, err := r.measure(ctx, w)
		if err != nil {
			return results, err
		}
		results = append(results, result)
		r.logf("%s", result)
	}
	return results, nil
}

func (o Options) withDefaults() Options {
	if o.Concurrency == 0 {
		o.Concurrency = 16
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.Warmup == 0 {
		o.Warmup = time.Second
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o
}

func choose(names []string) ([]Workload, error) {
	all := Workloads()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Workload
	for _, name := range names {
		if name+"/" == searchPrefix {
			for _, w := range all {
				if strings.HasPrefix(w.Name, searchPrefix) {
					chosen = append(chosen, w)
				}
			}
			continue
		}
		i := slices.IndexFunc(all, func(w Workload) bool { return w.Name == name })
		if i < 0 {
			var known []string
			for _, w := range all {
				known = append(known, w.Name)
			}
			return nil, fmt.Errorf("bench: no workload %q; known are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
