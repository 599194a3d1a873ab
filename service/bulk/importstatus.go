package bulk

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/spec/fault"
)

// reportFile is the name of an import's report below its address.
const reportFile = "report.ndjson"

// importResult is what is told of an import that is over.
type importResult struct {
	TransactionTime time.Time       `json:"transactionTime"` // when loading began
	Request         string          `json:"request"`
	Token           bool            `json:"requiresAccessToken"`
	Output          []importOutput  `json:"output"`
	Outcome         []importOutcome `json:"outcome"`
	Extension       importExtension `json:"extension"`
}

// importOutput is what became of a file.
type importOutput struct {
	InputURL string `json:"inputUrl,omitempty"`
	Type     string `json:"type,omitempty"`
	Count    int64  `json:"count"` // resources that are stored
	Accepted int64  `json:"accepted"`
	Matched  int64  `json:"matched"`
	Refused  int64  `json:"refused"`
	Error    string `json:"error,omitempty"` // why it was not fetched
}

// importOutcome is a file of OperationOutcomes, or a report by lines.
type importOutcome struct {
	Type  string `json:"type,omitempty"`
	URL   string `json:"url"`
	Count int64  `json:"count"`
}

// importExtension has the sums, under a name of this server's own.
type importExtension struct {
	Counts importCounts `json:"https://ingle.health/fhir/import-counts"`
}

type importCounts struct {
	Lines     int64 `json:"lines"`
	Resources int64 `json:"resources"`
	Accepted  int64 `json:"accepted"`
	Matched   int64 `json:"matched"`
	Refused   int64 `json:"refused"`
}

// status tells how far an import is.
func (c *importCall) status(id string) error {
	i, err := c.service.Import(c.r.Context(), c.session, id)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	switch {
	case i.Ended.IsZero():
		h.Set("X-Progress", progress(i))
		h.Set("Retry-After", strconv.Itoa(patience(i)))
		c.w.WriteHeader(http.StatusAccepted)
		return nil
	case i.Error != "":
		return failed(i)
	}
	h.Set("Expires", c.service.Expires(i).UTC().Format(http.TimeFormat))
	return c.writeJSON(http.StatusOK, c.result(i))
}

// failed says why an import ended.
func failed(i *intake.Import) error {
	return fault.New(fault.Unprocessable, fault.CodeProcessing, "", "The import has failed: %s What was loaded by then stays: %s accepted, %s matched, %s refused.",
		sentence(i.Error), humanize.Comma(i.Accepted), humanize.Comma(i.Matched), humanize.Comma(i.Refused))
}

func sentence(s string) string {
	if s != "" && s[len(s)-1] != '.' {
		s += "."
	}
	return s
}

// patience is after how many seconds to ask again.
func patience(i *intake.Import) int {
	if time.Since(i.Ordered) < 10*time.Second {
		return 1
	}
	return 5
}

// progress is an import in less than 100 characters.
func progress(i *intake.Import) string {
	text := i.Phase
	switch {
	case i.Waiting != "":
		text = "waiting: " + i.Waiting
	case i.Phase == "fetching":
		n := 0
		var size uint64
		for _, f := range i.Files {
			if f.Fetched > 0 || f.Failed != "" {
				n++
			}
			size += uint64(f.Fetched)
		}
		text = fmt.Sprintf("fetching file %d of %d, %s", max(n, 1), len(i.Files), humanize.IBytes(size))
	case i.Phase == "loading":
		text = fmt.Sprintf("loading: %d accepted, %d matched, %d refused", i.Accepted, i.Matched, i.Refused)
	}
	if len(text) > 99 {
		text = text[:96] + "..."
	}
	return text
}

func (c *importCall) result(i *intake.Import) importResult {
	r := importResult{
		TransactionTime: i.Began, Request: i.Order.Request, Token: c.Tokens, Output: []importOutput{}, Outcome: []importOutcome{},
		Extension: importExtension{importCounts{i.Lines, i.Resources, i.Accepted, i.Matched, i.Refused}},
	}
	for _, f := range i.Files {
		r.Output = append(r.Output, importOutput{
			InputURL: f.URL, Type: string(f.Type), Count: f.Accepted + f.Matched, Accepted: f.Accepted, Matched: f.Matched, Refused: f.Refused, Error: f.Failed,
		})
	}
	if i.Report > 0 {
		out := importOutcome{URL: c.at(i.ID) + "/" + reportFile, Count: i.Report}
		if !i.Upload {
			out.Type = "OperationOutcome"
		}
		r.Outcome = append(r.Outcome, out)
	}
	return r
}

// report sends the report of an import, as far as it is there.
func (c *importCall) report(id string) error {
	i, err := c.service.Import(c.r.Context(), c.session, id)
	if err != nil {
		return err
	}
	in, err := c.service.Open(c.r.Context(), i, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	h := c.w.Header()
	h.Set("Content-Type", ndjsonType)
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(c.w, in); err != nil {
		panic(http.ErrAbortHandler) // the client must see that it is not all
	}
	return nil
}
