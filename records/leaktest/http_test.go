package leaktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// serve serves the door, to who asks, until the test ends.
func (r *rig) serve() {
	r.Helper()
	log := slog.New(slog.DiscardHandler)
	site := web.New(web.Config{Log: log})
	fhirapi.New(fhirapi.Config{
		Tenants: records.NewTenants(r.door), Version: "test", Log: log, Patience: 10 * time.Minute, // however busy the machine is, nobody is sent away
		Authenticate: func(*http.Request, *records.Door) (*records.Session, error) { return r.direct, nil },
		OAuth:        func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
	}).Mount(site)
	s := httptest.NewUnstartedServer(nil)
	s.Config = site.Server()
	s.Start()
	r.Cleanup(s.Close)
	r.url, r.client = s.URL+"/fhir", s.Client()
}

// remote asks over HTTP.
type remote struct {
	r    *rig
	http *http.Client
}

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request to an address below the base, or to one that a link named.
func (w remote) do(ctx context.Context, method, at string, body []byte, header ...string) (reply, error) {
	at = w.r.url + "/" + strings.TrimPrefix(strings.TrimPrefix(at, base), "/")
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", "application/fhir+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := reply{resp.StatusCode, resp.Header, text}
	if err == nil && a.status >= 400 {
		err = a.failure()
	}
	return a, err
}

// text is all that an answer says but for what no two answers have in common.
func (a reply) text() string {
	var all []string
	for name, values := range a.header {
		if !slices.Contains([]string{"Date", "X-Request-Id", "Content-Length", "Ratelimit"}, name) {
			all = append(all, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%d %s\n%s", a.status, strings.Join(all, "\n"), a.body)
}

// failure is an answer as the error that it tells of.
func (a reply) failure() error {
	var cause error
	switch {
	case strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope"):
		cause = records.ErrScope
	case bytes.Contains(a.body, []byte("come to more conditions than one query can have")):
		cause = store.ErrTooComplex
	case a.status == http.StatusUnprocessableEntity && len(a.body) == 0: // the answer to HEAD says no more
		cause = store.ErrTooComplex
	}
	return fault.Wrap(cause, kindOf(a.status), fault.CodeInvalid, "", "%s", a.text())
}

func kindOf(status int) fault.Kind {
	for k := fault.Internal; k <= fault.StorageFull; k++ {
		if web.Status(k) == status {
			return k
		}
	}
	return fault.Internal
}

// queryOf writes parameters as the query of a URL.
func queryOf(pairs []search.Pair) string {
	var all []string
	for _, p := range pairs {
		all = append(all, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	return strings.Join(all, "&")
}

func tag(version string) string {
	if version == "*" {
		return version
	}
	return `W/"` + version + `"`
}

// head is what every resource says of itself.
type head struct {
	ResourceType, ID string
	Meta             struct{ VersionID string }
}

// content is what answers say: of a Bundle or an OperationOutcome what is in it, too.
type content struct {
	head
	text  []byte
	Total *int64
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Resource json.RawMessage
		Search   struct{ Mode string }
		Response struct {
			Status, Location, ETag string
			Outcome                json.RawMessage
		}
	}
	Issue []struct{ Diagnostics string }
}

func read(text []byte) (c content, err error) {
	if err = json.Unmarshal(text, &c.head); err == nil && (c.ResourceType == "Bundle" || c.ResourceType == "OperationOutcome") {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		err = fmt.Errorf("%w: %.300s", err, text)
	}
	c.text = text
	return c, err
}

// resource is what stands in an answer, with the version that it says it has.
func (c *content) resource() (records.Resource, error) {
	n, err := strconv.ParseInt(c.Meta.VersionID, 10, 64)
	return records.Resource{Key: keyOf(c.ResourceType + "/" + c.ID), Version: n, JSON: c.text}, err
}

func (w remote) Read(ctx context.Context, k fhir.Key, o records.ReadOptions) (records.Resource, error) {
	return w.read(ctx, k.String(), o)
}

func (w remote) VRead(ctx context.Context, k fhir.Key, version string, o records.ReadOptions) (records.Resource, error) {
	return w.read(ctx, k.String()+"/_history/"+version, o)
}

func (w remote) read(ctx context.Context, at string, o records.ReadOptions) (records.Resource, error) {
	method := "GET"
	if w.r.heads {
		method = "HEAD"
	}
	var header []string
	for _, v := range o.IfNoneMatch {
		header = append(header, "If-None-Match", tag(v))
	}
	a, err := w.do(ctx, method, at, nil, header...)
	switch {
	case err != nil:
		return records.Resource{}, err
	case a.status == http.StatusNotModified:
		return records.Resource{NotModified: true}, nil
	case method == "HEAD":
		return records.Resource{}, nil
	}
	c, err := read(a.body)
	if err != nil {
		return records.Resource{}, err
	}
	if a.header.Get("ETag") != tag(c.Meta.VersionID) {
		w.r.wrong("version %s has the ETag %s", c.Meta.VersionID, a.header.Get("ETag"))
	}
	res, err := c.resource()
	if !strings.HasPrefix(at, res.Key.String()) {
		w.r.wrong("%s is given for %s", res.Key, at)
	}
	return res, err
}

func (w remote) History(ctx context.Context, h records.HistoryRequest) (*records.HistoryResult, error) {
	at := h.After
	if at == "" {
		at = strings.TrimPrefix(strings.TrimSuffix(string(h.Type)+"/"+string(h.ID), "/")+"/_history", "/")
		if h.Count > 0 {
			at += fmt.Sprint("?_count=", h.Count)
		}
	}
	a, err := w.do(ctx, "GET", at, nil)
	if err != nil {
		return nil, err
	}
	c, err := read(a.body)
	if err != nil {
		return nil, err
	}
	return c.history()
}

func (c *content) history() (*records.HistoryResult, error) {
	h := &records.HistoryResult{Total: c.total(), Next: c.next()}
	for _, e := range c.Entry {
		reference, version, _ := strings.Cut(strings.TrimPrefix(e.Response.Location, base+"/"), "/_history/")
		n, err := strconv.ParseInt(version, 10, 64)
		if err != nil {
			return nil, err
		}
		if e.Resource != nil { // it must be the version that is told of
			in, err := read(e.Resource)
			if err != nil {
				return nil, err
			}
			if in.Meta.VersionID != version || in.ResourceType+"/"+in.ID != reference || e.Response.ETag != tag(version) {
				return nil, fmt.Errorf("%s is told of as %s", e.Resource, e.Response.Location)
			}
		}
		h.Entries = append(h.Entries, records.Resource{Key: keyOf(reference), Version: n, Deleted: e.Resource == nil, JSON: e.Resource})
	}
	return h, nil
}

func (c *content) total() int64 {
	if c.Total == nil {
		return -1
	}
	return *c.Total
}

func (c *content) next() string {
	for _, l := range c.Link {
		if l.Relation == "next" {
			return l.URL
		}
	}
	return ""
}

func (c *content) searchset() (*records.SearchResult, error) {
	res := &records.SearchResult{Total: c.total(), Next: c.next()}
	for _, e := range c.Entry {
		in, err := read(e.Resource)
		if err != nil {
			return nil, err
		}
		if e.Search.Mode == "outcome" {
			for _, issue := range in.Issue {
				res.Issues = append(res.Issues, fault.Issue{Message: issue.Diagnostics})
			}
			continue
		}
		one, err := in.resource()
		if err != nil {
			return nil, err
		}
		res.Entries = append(res.Entries, records.SearchEntry{Resource: one, Mode: records.SearchMode(e.Search.Mode)})
	}
	return res, nil
}

// page asks for a Bundle of what is found.
func (w remote) page(ctx context.Context, at string, pairs []search.Pair, after string) (*records.SearchResult, error) {
	var a reply
	var err error
	query := queryOf(pairs)
	switch {
	case after != "":
		a, err = w.do(ctx, "GET", after, nil)
	case !strings.Contains(at, "$") && w.r.chance(30):
		a, err = w.do(ctx, "POST", at+"/_search", []byte(query), "Content-Type", "application/x-www-form-urlencoded")
	default:
		a, err = w.do(ctx, "GET", at+"?"+query, nil)
	}
	if err != nil {
		return nil, err
	}
	c, err := read(a.body)
	if err != nil {
		return nil, err
	}
	return c.searchset()
}

func (w remote) Search(ctx context.Context, q records.SearchRequest) (*records.SearchResult, error) {
	at := string(q.Type)
	if q.Compartment != nil {
		at = q.Compartment.String() + "/" + at
		if q.Type == "" {
			at += "*"
		}
	}
	return w.page(ctx, at, q.Pairs, q.After)
}

func (w remote) Everything(ctx context.Context, q records.EverythingRequest) (*records.SearchResult, error) {
	at := string(q.Type)
	if q.ID != "" {
		at += "/" + string(q.ID)
	}
	return w.page(ctx, at+"/$everything", q.Pairs, q.After)
}

func (w remote) LastN(ctx context.Context, q records.LastNRequest) (*records.SearchResult, error) {
	return w.page(ctx, "Observation/$lastn", q.Pairs, "")
}

func (w remote) DocRef(ctx context.Context, q records.DocRefRequest) (*records.SearchResult, error) {
	return w.page(ctx, "DocumentReference/$docref", q.Pairs, "")
}

func (w remote) GraphQL(ctx context.Context, q records.GraphQLRequest) ([]byte, error) {
	a, err := w.do(ctx, "GET", "$graphql?query="+url.QueryEscape(q.Query), nil, "Accept", "application/json")
	return a.body, err
}

func (w remote) gives(ctx context.Context, k fhir.Key, expression string) (bool, error) {
	a, err := w.do(ctx, "GET", k.String()+"/$fhirpath?expression="+url.QueryEscape(expression), nil)
	if err != nil {
		return false, err
	}
	var p struct {
		Parameter []struct {
			Name string
			Part []any
		}
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return false, err
	}
	for _, one := range p.Parameter {
		if one.Name == "result" && len(one.Part) > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (w remote) rows(ctx context.Context, view string, patients []string) (ids []string, err error) {
	parameters := fmt.Sprintf(`{"name":"viewResource","resource":%s},{"name":"_format","valueCode":"ndjson"}`, view)
	for _, p := range patients {
		parameters += fmt.Sprintf(`,{"name":"patient","valueReference":{"reference":"Patient/%s"}}`, p)
	}
	a, err := w.do(ctx, "POST", "ViewDefinition/$viewdefinition-run", []byte(`{"resourceType":"Parameters","parameter":[`+parameters+`]}`), "Accept", "*/*")
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(a.body) {
		id, err := idOf(line)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (w remote) Bundle(ctx context.Context, sent records.Content, _ records.BundleOptions) (*records.BundleResult, error) {
	a, err := w.do(ctx, "POST", "", sent.JSON)
	if err != nil {
		return nil, err
	}
	c, err := read(a.body)
	if err != nil {
		return nil, err
	}
	res := &records.BundleResult{Type: "batch-response"}
	for _, e := range c.Entry {
		var one records.EntryResult
		status, _, _ := strings.Cut(e.Response.Status, " ")
		if one.Status, err = strconv.Atoi(status); err != nil {
			return nil, err
		}
		if one.Status >= 400 {
			one.Err = fault.New(kindOf(one.Status), fault.CodeInvalid, "", "%s %s", e.Response.Status, e.Response.Outcome)
		} else if in, err := read(e.Resource); err != nil {
			return nil, err
		} else if in.ResourceType == "Bundle" {
			if strings.Contains(string(e.Resource), `"type":"history"`) {
				one.History, err = in.history()
			} else {
				one.Search, err = in.searchset()
			}
			if err != nil {
				return nil, err
			}
		} else if in.ResourceType != "OperationOutcome" {
			shown, err := in.resource()
			if err != nil {
				return nil, err
			}
			one.Resource = &shown
		}
		res.Entries = append(res.Entries, one)
	}
	return res, nil
}

// result reads the answer to a write, which may show what was written.
func (w remote) result(a reply, err error) (records.Result, error) {
	if err != nil {
		return records.Result{}, err
	}
	res := records.Result{Created: a.status == http.StatusCreated}
	location := strings.TrimPrefix(a.header.Get("Location"), base+"/")
	if reference, _, ok := strings.Cut(location, "/_history/"); ok {
		res.Key = keyOf(reference)
	}
	if len(a.body) == 0 {
		return res, nil
	}
	c, err := read(a.body)
	if err != nil || c.ResourceType == "OperationOutcome" {
		return res, err
	}
	if res.Resource, err = c.resource(); err == nil {
		w.r.shown = append(w.r.shown, res.Resource)
	}
	return res, err
}

func conditions(p records.Precondition) (header []string) {
	for _, v := range p.IfMatch {
		header = append(header, "If-Match", tag(v))
	}
	return header
}

func (w remote) Create(ctx context.Context, t fhir.Type, sent records.Content, o records.CreateOptions) (records.Result, error) {
	var header []string
	if o.IfNoneExist != nil {
		header = []string{"If-None-Exist", queryOf(o.IfNoneExist)}
	}
	res, err := w.result(w.do(ctx, "POST", string(t), sent.JSON, header...))
	res.Unchanged = err == nil && !res.Created
	return res, err
}

func (w remote) Update(ctx context.Context, k fhir.Key, sent records.Content, o records.UpdateOptions) (records.Result, error) {
	return w.result(w.do(ctx, "PUT", k.String(), sent.JSON, conditions(o.Precondition)...))
}

func (w remote) UpdateWhere(ctx context.Context, t fhir.Type, where []search.Pair, sent records.Content, _ records.UpdateOptions) (records.Result, error) {
	return w.result(w.do(ctx, "PUT", string(t)+"?"+queryOf(where), sent.JSON))
}

func (w remote) Patch(ctx context.Context, k fhir.Key, sent records.PatchContent, o records.UpdateOptions) (records.Result, error) {
	return w.result(w.do(ctx, "PATCH", k.String(), sent.Body, append(conditions(o.Precondition), "Content-Type", "application/json-patch+json")...))
}

func (w remote) PatchWhere(ctx context.Context, t fhir.Type, where []search.Pair, sent records.PatchContent, _ records.UpdateOptions) (records.Result, error) {
	return w.result(w.do(ctx, "PATCH", string(t)+"?"+queryOf(where), sent.Body, "Content-Type", "application/json-patch+json"))
}

func (w remote) Delete(ctx context.Context, k fhir.Key, o records.DeleteOptions) (records.Result, error) {
	a, err := w.do(ctx, "DELETE", k.String(), nil, append(conditions(o.Precondition), "Prefer", "return=OperationOutcome")...)
	if err == nil && bytes.Contains(a.body, []byte("nothing to delete")) {
		err = errors.New(a.text())
	}
	return records.Result{Existed: err == nil}, err
}

func (w remote) DeleteWhere(ctx context.Context, t fhir.Type, where []search.Pair, _ records.DeleteOptions) ([]records.Result, error) {
	_, err := w.do(ctx, "DELETE", string(t)+"?"+queryOf(where), nil)
	return nil, err
}
