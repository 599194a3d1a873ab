package bulk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// Bounds of polling: an export may be asked after so often in a row, and again so often
// a second.
const (
	pollsKept  = 10_000
	pollsAhead = 10
	pollsEvery = time.Second
)

// polls counts how often an export was asked after.
type polls struct {
	mu   sync.Mutex
	left float64
	last time.Time
}

// take says whether one more is allowed.
func (p *polls) take(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = min(pollsAhead, p.left+float64(now.Sub(p.last))/float64(pollsEvery))
	p.last = now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// hammered refuses who asks too often.
func (c *call) hammered(id string) error {
	p, ok := c.polls.Get(id)
	if !ok {
		p = &polls{left: pollsAhead, last: c.config.Clock()}
		c.polls.Put(id, p)
	}
	if p.take(c.config.Clock()) {
		return nil
	}
	c.w.Header().Set("Retry-After", "5")
	return fault.New(fault.Throttled, fault.CodeThrottled, "", "the export is asked after too often: wait as long as Retry-After says")
}

// status tells how far an export is: 202 while it is under way, then the manifest.
func (c *call) status(id string) error {
	x, err := c.mine(id)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	switch x.Phase {
	case bulkjob.Failed:
		return fault.New(fault.Unprocessable, fault.CodeProcessing, "", "the export failed: %s", x.Error)
	case bulkjob.Done:
		h.Set("Expires", x.Expires.UTC().Format(http.TimeFormat))
		return c.manifest(x)
	}
	if err := c.hammered(id); err != nil {
		return err
	}
	if from, err := c.from(); err != nil || x.Partial && from < len(x.Output) {
		if err != nil {
			return err
		}
		return c.manifest(x)
	}
	h.Set("X-Progress", exporting(x))
	h.Set("Retry-After", strconv.Itoa(retryAfter(c.config.Clock().Sub(x.Created))))
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// exporting is up to 100 characters on how far an export is.
func exporting(x *bulkjob.Export) string {
	switch {
	case x.Waits != "":
		return x.Waits
	case len(x.Steps) == 0:
		return "waits for its turn"
	case x.Error != "" && x.Phase == bulkjob.Waiting:
		return fmt.Sprintf("%d%%, is tried again after an error", x.Percent())
	}
	return fmt.Sprintf("%d%%, %d resources", x.Percent(), x.Resources)
}

// retryAfter is in how many seconds to ask again after an export that has taken a while.
func retryAfter(taken time.Duration) int { return int(min(max(taken/(5*time.Second), 1), 120)) }

// manifestFile is an element of output, deleted and error.
type manifestFile struct {
	Type      string `json:"type,omitempty"` // none where files are organized by resources
	URL       string `json:"url"`
	Continues string `json:"continuesInFile,omitempty"`
	Count     int64  `json:"count"`
}

// manifest answers with the files that are there (§Response - Complete Status).
func (c *call) manifest(x *bulkjob.Export) error {
	from, err := c.from()
	if err != nil {
		return err
	}
	m := struct {
		TransactionTime     string         `json:"transactionTime"`
		Request             string         `json:"request"`
		RequiresAccessToken bool           `json:"requiresAccessToken"`
		OutputOrganizedBy   string         `json:"outputOrganizedBy,omitempty"`
		Output              []manifestFile `json:"output"`
		Deleted             []manifestFile `json:"deleted"`
		Error               []manifestFile `json:"error"`
		Link                []manifestLink `json:"link,omitempty"`
	}{
		TransactionTime: x.Time.UTC().Format("2006-01-02T15:04:05.000Z"), Request: x.URL, RequiresAccessToken: !c.config.Open, OutputOrganizedBy: string(x.Organize),
		Output: []manifestFile{}, Deleted: []manifestFile{}, Error: []manifestFile{},
	}
	for _, f := range x.Output[min(from, len(x.Output)):] {
		one := manifestFile{Type: string(f.Type), URL: c.url(x.ID) + "/" + f.Name, Count: f.Count}
		if f.Continues != "" {
			one.Continues = c.url(x.ID) + "/" + f.Continues
		}
		switch f.In {
		case bulkjob.Deleted:
			m.Deleted = append(m.Deleted, one)
		case bulkjob.Errors:
			m.Error = append(m.Error, one)
		default:
			m.Output = append(m.Output, one)
		}
	}
	if x.Phase != bulkjob.Done {
		m.Link = []manifestLink{{"next", c.url(x.ID) + "?from=" + strconv.Itoa(len(x.Output))}}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err = c.w.Write(body)
	return err
}

// manifestLink leads to the rest of a manifest.
type manifestLink struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

// from is the number of files that pages of the manifest before had.
func (c *call) from() (int, error) {
	text := c.r.URL.Query().Get("from")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, fault.CodeValue, "", "from is the number of files before, as the link of a manifest has it, not %q", fault.Shorten(text))
	}
	return n, nil
}

// delete ends an export.
func (c *call) delete(id string) error {
	x, err := c.mine(id)
	if err != nil {
		return err
	}
	if err := c.exports.Delete(c.r.Context(), x.ID); err != nil {
		return err
	}
	return c.accepted("The export is ended, and its files are removed.")
}

// accepted answers 202 with an OperationOutcome.
func (c *call) accepted(text string) error {
	body := web.AppendOutcome(nil, []fault.Issue{{Severity: fault.Information, Code: fault.CodeInformation, Message: text}}, false, false)
	c.w.Header().Set("Content-Type", "application/fhir+json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusAccepted)
	_, err := c.w.Write(body)
	return err
}
