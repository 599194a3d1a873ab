// Package doctor examines any SMART on FHIR server from outside, by standard calls
// alone, and reports what it found in words by which a team can choose one: discovery,
// capabilities, scopes, endpoints, CORS, TLS, errors and, with a token or where none is
// needed, US Core's searches on real data. It reads only.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options of Examine.
type Options struct {
	// Token gives the access token for US Core's searches; nil leaves them out, but for a
	// server that answers without one.
	Token func(context.Context) (string, error)
	// Patients are whose records are searched; none: the first that the server names.
	Patients []string
	HTTP     *http.Client     // nil for one that waits 20 seconds for an answer
	Clock    func() time.Time // nil for time.Now
	// Progress is told what is examined next; nil: nobody is.
	Progress func(group string)
}

// Result is how a check came out.
type Result string

// Results: what the standard demands is there or missing, what it recommends is
// missing, and what could not be looked at.
const (
	Pass Result = "pass"
	Fail Result = "fail"
	Warn Result = "warn"
	Skip Result = "skip"
)

// Check is one thing that was looked at.
type Check struct {
	Group   string `json:"group"`
	Name    string `json:"name"` // what ought to be
	Result  Result `json:"result"`
	Found   string `json:"found,omitempty"`   // what is, where that says more
	Advice  string `json:"advice,omitempty"`  // what to do, or what it means for apps
	Section string `json:"section,omitempty"` // of which standard
}

// Set is a group of SMART's capabilities that belong together, and what of it the
// server lacks (SMART App Launch 2.2 §8.1.3).
type Set struct {
	Name  string   `json:"name"`
	Lacks []string `json:"lacks,omitempty"`
}

// Timing is how long answers of one kind took.
type Timing struct {
	Kind   string        `json:"kind"`
	Count  int           `json:"count"`
	Median time.Duration `json:"medianNanoseconds"`
	Worst  time.Duration `json:"worstNanoseconds"`
}

// Report is what an examination found.
type Report struct {
	URL      string        `json:"url"`
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"tookNanoseconds"`
	Software string        `json:"software,omitempty"` // as the server calls itself
	FHIR     string        `json:"fhirVersion,omitempty"`
	Sets     []Set         `json:"capabilitySets,omitempty"`
	Checks   []Check       `json:"checks"`
	Timings  []Timing      `json:"timings,omitempty"`
}

// Count is how many checks of a group ("": of all) came out so.
func (r *Report) Count(group string, result Result) int {
	n := 0
	for _, c := range r.Checks {
		if (group == "" || c.Group == group) && c.Result == result {
			n++
		}
	}
	return n
}

// Groups are the groups in their order.
func (r *Report) Groups() []string {
	var all []string
	for _, c := range r.Checks {
		if len(all) == 0 || all[len(all)-1] != c.Group {
			all = append(all, c.Group)
		}
	}
	return all
}

// Examine examines the server whose FHIR API is at base. An error is that of a wrong
// address or an ended context; a server that does not answer is a report that says so.
func Examine(ctx context.Context, base string, o Options) (*Report, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("doctor: %q is not the https URL of a FHIR server: it looks like https://ehr.example/fhir", base)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("doctor: %q has more than an address: give the base URL alone, as in https://ehr.example/fhir", base)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 20 * time.Second}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	e := &examination{o: o, base: strings.TrimSuffix(base, "/"), report: &Report{URL: strings.TrimSuffix(base, "/"), At: o.Clock().UTC()}}
	began := time.Now()
	for _, part := range []struct {
		group string
		look  func(context.Context)
	}{
		{"Discovery", e.discovery}, {"Capability statement", e.statement}, {"Capabilities", e.capabilities}, {"Scopes", e.scopes},
		{"Endpoints", e.endpoints}, {"CORS", e.cors}, {"TLS", e.tls}, {"Refusals", e.refusals}, {"US Core searches", e.searches},
	} {
		e.group = part.group
		o.Progress(part.group)
		part.look(ctx)
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(errors.New("doctor: the examination was stopped"), err)
		}
	}
	e.report.Timings = e.timings()
	e.report.Took = time.Since(began)
	return e.report, nil
}

// examination is one run.
type examination struct {
	o      Options
	base   string
	report *Report
	group  string
	took   map[string][]time.Duration // by kind of request

	configuration map[string]any // the smart-configuration; nil when there is none
	capability    *statement     // nil when there is none
	open          bool           // it answers searches without a token
}

// check notes a check: whether it holds, and what to say if not.
func (e *examination) check(ok bool, otherwise Result, name, section, found, advice string) bool {
	c := Check{Group: e.group, Name: name, Section: section, Result: Pass, Found: found}
	if !ok {
		c.Result, c.Advice = otherwise, advice
	}
	e.report.Checks = append(e.report.Checks, c)
	return ok
}

// skip notes what was not looked at, and why.
func (e *examination) skip(name, why string) {
	e.report.Checks = append(e.report.Checks, Check{Group: e.group, Name: name, Result: Skip, Found: why})
}
