package bulk

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	// maxPatients is how many patients a request may name.
	maxPatients = 100_000
	maxFilters  = 100
	// patientsAtOnce are looked up together.
	patientsAtOnce = 200
)

// kick is a kick-off request that is being read.
type kick struct {
	*call
	bulkjob.Request
	filters []string
}

// reading says how each parameter is read, given one of its values.
var reading = map[string]func(*kick, string) error{
	"_outputFormat": (*kick).format, "_type": (*kick).types, "_typeFilter": (*kick).filter, "_since": (*kick).since, "_until": (*kick).until,
	"_elements": (*kick).elements, "patient": (*kick).patient, "includeAssociatedData": (*kick).associated,
	"organizeOutputBy": (*kick).organize, "allowPartialManifests": (*kick).partial,
	"_format": (*kick).ignore, "_pretty": (*kick).ignore,
}

// once are the parameters that have one value.
var once = []string{"_since", "_until", "_outputFormat", "organizeOutputBy", "allowPartialManifests"}

// read reads the parameters and looks whether they go together.
func (k *kick) read() error {
	pairs, err := k.pairs()
	if err != nil {
		return err
	}
	given := map[string]bool{}
	for _, p := range pairs {
		read := reading[p.Name]
		switch {
		case read == nil:
			err = fault.New(fault.Invalid, fault.CodeNotSupported, "", "$export has no parameter %q", fault.Shorten(p.Name))
		case given[p.Name] && slices.Contains(once, p.Name):
			err = fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice", p.Name)
		default:
			err = read(k, p.Value)
		}
		given[p.Name] = true
		if err := k.leave(err); err != nil {
			return err
		}
	}
	if given["_type"] && len(k.Types) == 0 {
		return fault.New(fault.Unprocessable, fault.CodeNotSupported, "", "_type names no type that there is")
	}
	for _, check := range []func() error{k.checkTypes, k.checkFilters, k.checkElements, k.checkTimes, k.checkPatients} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// leave leaves out what cannot be done, and says so, for a client that is lenient.
func (k *kick) leave(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || k.Prefer != records.HandlingLenient || f.Kind != fault.Invalid {
		return err
	}
	for _, issue := range f.Issues {
		issue.Severity = fault.Warning
		issue.Message = "left out: " + issue.Message
		k.Notes = append(k.Notes, issue)
	}
	return nil
}

// pairs are the parameters of the URL and, of a POST, of the body.
func (k *kick) pairs() ([]search.Pair, error) {
	pairs, err := records.ParseCriteria("?" + k.r.URL.RawQuery)
	if err != nil || k.r.Method != http.MethodPost {
		return pairs, err
	}
	body, err := web.ReadBody(k.r)
	if err != nil || len(body) == 0 {
		return pairs, err
	}
	media, _, _ := mime.ParseMediaType(k.r.Header.Get("Content-Type")) // the check below says what is wrong
	if media != "application/fhir+json" && media != "application/json" {
		return nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "the parameters of $export are sent as Parameters in application/fhir+json")
	}
	tree, err := fhir.ParseJSON(k.Door.Definitions(""), body, fhir.Limits{})
	if err != nil {
		return nil, err
	}
	if tree.Root().Name() != "Parameters" {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, "", "the body must be a Parameters resource")
	}
	for p := range tree.Root().All("parameter") {
		value := p.Child("value")
		text := value.Text()
		if value.PropertyName() == "valueReference" {
			text = value.Child("reference").Text()
		}
		if text == "" {
			return nil, fault.New(fault.Invalid, fault.CodeValue, p.Path(), "the parameter has no value")
		}
		pairs = append(pairs, search.Pair{Name: p.Child("name").Text(), Value: text})
	}
	return pairs, nil
}

func (k *kick) ignore(string) error { return nil }

func (k *kick) format(text string) error {
	// A '+' that was not escaped arrives as a space.
	switch strings.ReplaceAll(text, " ", "+") {
	case "application/fhir+ndjson", "application/ndjson", "ndjson":
		return nil
	}
	return fault.New(fault.Invalid, fault.CodeNotSupported, "", "files are written as application/fhir+ndjson (application/ndjson, ndjson), not as %q", fault.Shorten(text))
}

func (k *kick) types(text string) error {
	all := k.Door.Types()
	for name := range strings.SplitSeq(text, ",") {
		t := fhir.Type(strings.TrimSpace(name))
		if !slices.Contains(all, t) {
			names := make([]string, len(all))
			for i, one := range all {
				names[i] = string(one)
			}
			hint := ""
			if near := fault.Nearest(string(t), names); near != "" {
				hint = ". Did you mean " + near + "?"
			}
			if err := k.leave(fault.New(fault.Invalid, fault.CodeNotSupported, "", "_type: there is no resource type %q%s", fault.Shorten(string(t)), hint)); err != nil {
				return err
			}
			continue
		}
		if !slices.Contains(k.Types, t) {
			k.Types = append(k.Types, t)
		}
	}
	return nil
}

// ofType begins a query of a _typeFilter. Commas that are followed by no such thing are
// of the query.
var ofType = regexp.MustCompile(`(?:^|,)[A-Z][A-Za-z]+\?`)

func (k *kick) filter(text string) error {
	starts := ofType.FindAllStringIndex(text, -1)
	if len(starts) == 0 || starts[0][0] != 0 {
		return fault.New(fault.Invalid, fault.CodeValue, "", "_typeFilter is a list of searches of a type each, such as Observation?category=laboratory, not %q", fault.Shorten(text))
	}
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		k.filters = append(k.filters, strings.TrimPrefix(text[at[0]:end], ","))
	}
	if len(k.filters) > maxFilters {
		return fault.New(fault.Invalid, fault.CodeTooCostly, "", "_typeFilter has more than %d searches", maxFilters)
	}
	return nil
}

func (k *kick) since(text string) (err error) {
	k.Since, err = parseInstant("_since", text)
	if err == nil && k.Since.After(k.config.Clock()) {
		k.Since, err = k.Until, fault.New(fault.Invalid, fault.CodeValue, "", "_since=%s is in the future", fault.Shorten(text))
	}
	return err
}

func (k *kick) until(text string) (err error) {
	k.Until, err = parseInstant("_until", text)
	return err
}

func (k *kick) elements(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			k.Elements = append(k.Elements, one)
		}
	}
	return nil
}

func (k *kick) associated(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		switch a := bulkjob.Associated(strings.TrimSpace(one)); a {
		case bulkjob.LatestProvenance:
			if k.Associated == "" { // of several values the least restrictive one counts
				k.Associated = a
			}
		case bulkjob.RelevantProvenance:
			k.Associated = a
		default:
			err := fault.New(fault.Invalid, fault.CodeNotSupported, "", "includeAssociatedData is %s or %s, not %q", bulkjob.LatestProvenance, bulkjob.RelevantProvenance, fault.Shorten(one))
			if err := k.leave(err); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *kick) organize(text string) error {
	if text != "Patient" {
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "files are organized by resource type, or with organizeOutputBy=Patient by patient, not by %q", fault.Shorten(text))
	}
	k.Organize = "Patient"
	return nil
}

func (k *kick) partial(text string) error {
	if text != "true" && text != "false" {
		return fault.New(fault.Invalid, fault.CodeValue, "", "allowPartialManifests is true or false, not %q", fault.Shorten(text))
	}
	k.Partial = text == "true"
	return nil
}

func (k *kick) patient(text string) error {
	switch {
	case k.r.Method != http.MethodPost:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "patient is a parameter of POST requests: send it in a Parameters resource")
	case k.Level == bulkjob.System:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "patient does not go with an export of the whole system: call Patient/$export or Group/[id]/$export")
	}
	for one := range strings.SplitSeq(text, ",") {
		if len(k.Members) >= maxPatients {
			return fault.New(fault.Invalid, fault.CodeTooCostly, "", "more than %d patients are named", maxPatients)
		}
		id, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(one), k.Door.Base()+"/"), "Patient/")
		if !ok || !fhir.ID(id).Valid() {
			return fault.New(fault.Invalid, fault.CodeValue, "", "patient refers to a Patient of this server, such as Patient/123; %q does not", fault.Shorten(one))
		}
		k.Members = append(k.Members, fhir.ID(id))
	}
	return nil
}

// checkTypes looks whether the types are allowed and go with the level.
func (k *kick) checkTypes() error {
	if len(k.Types) == 0 {
		for _, t := range k.Door.Types() {
			if k.Session.Exports(t) == nil {
				return nil
			}
		}
		return k.Session.Exports("")
	}
	for _, t := range k.Types {
		if err := k.Session.Exports(t); err != nil {
			return err
		}
	}
	if k.Level == bulkjob.System && k.Organize == "" {
		return nil
	}
	if slices.Contains(k.Types, "Binary") {
		err := fault.New(fault.Invalid, fault.CodeNotSupported, "", "_type=Binary goes with an export of the whole system, organized by type, only: the content of documents is fetched from the addresses in their attachments")
		if err := k.leave(err); err != nil {
			return err
		}
	}
	owned, err := k.Door.PatientTypes()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(k.Types, func(t fhir.Type) bool { return slices.Contains(owned, t) }) {
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "none of the types in _type belongs to patients: ask for them with an export of the whole system, organized by type")
	}
	return nil
}

func (k *kick) checkFilters() error {
	for _, text := range k.filters {
		name, _, _ := strings.Cut(text, "?")
		t := fhir.Type(name)
		err := error(nil)
		switch {
		case !slices.Contains(k.Door.Types(), t):
			err = fault.New(fault.Invalid, fault.CodeValue, "", "_typeFilter: there is no resource type %q", fault.Shorten(name))
		case len(k.Types) > 0 && !slices.Contains(k.Types, t):
			err = fault.New(fault.Invalid, fault.CodeValue, "", "_typeFilter is about %s, which is not in _type", t)
		}
		if err == nil {
			err = k.addFilter(t, text)
		}
		if err := k.leave(err); err != nil {
			return err
		}
	}
	return nil
}

func (k *kick) addFilter(t fhir.Type, text string) error {
	pairs, err := records.ParseCriteria(text)
	if err != nil {
		return err
	}
	if err := k.Session.CheckFilter(k.r.Context(), t, pairs); err != nil {
		return err
	}
	if k.Filters == nil {
		k.Filters = map[fhir.Type][][]search.Pair{}
	}
	k.Filters[t] = append(k.Filters[t], pairs)
	return nil
}

func (k *kick) checkElements() error {
	types := k.Types
	if len(types) == 0 {
		types = k.Door.Types()
	}
	kept := k.Elements[:0]
	for _, one := range k.Elements {
		err := k.Door.CheckElements(types, []string{one})
		if err == nil {
			kept = append(kept, one)
		}
		if err := k.leave(err); err != nil {
			return err
		}
	}
	k.Elements = kept
	return nil
}

func (k *kick) checkTimes() error {
	if !k.Until.IsZero() && !k.Since.IsZero() && !k.Since.Before(k.Until) {
		return fault.New(fault.Invalid, fault.CodeValue, "", "_since is not before _until")
	}
	return nil
}

// checkPatients looks whether the patients that are named are there, and of the Group.
func (k *kick) checkPatients() error {
	if len(k.Members) == 0 {
		return nil
	}
	slices.Sort(k.Members)
	k.Members = slices.Compact(k.Members)
	there, err := k.there()
	if err != nil {
		return err
	}
	var kept []fhir.ID
	for _, id := range k.Members {
		if there[id] {
			kept = append(kept, id)
			continue
		}
		why := "there is no Patient/%s here"
		if k.Level == bulkjob.Group {
			why = "Patient/%s is no member of the Group"
		}
		if err := k.leave(fault.New(fault.Invalid, fault.CodeNotFound, "", "patient: "+why, id)); err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return fault.New(fault.Unprocessable, fault.CodeNotFound, "", "none of the patients is here")
	}
	k.Members = kept
	return nil
}

// there are those of the patients that the session sees, and that are of the Group.
func (k *kick) there() (map[fhir.ID]bool, error) {
	there := map[fhir.ID]bool{}
	ctx := k.r.Context()
	if k.Level == bulkjob.Group {
		for key, err := range k.Session.GroupMembers(ctx, k.Group) {
			if err != nil {
				return nil, err
			}
			there[key.ID] = key.Type == "Patient"
		}
		return there, nil
	}
	for some := range slices.Chunk(k.Members, patientsAtOnce) {
		if err := k.find(ctx, some, there); err != nil {
			return nil, err
		}
	}
	return there, nil
}

func (k *kick) find(ctx context.Context, ids []fhir.ID, there map[fhir.ID]bool) error {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	after := ""
	for {
		page, err := k.Session.Search(ctx, records.SearchRequest{Type: "Patient", After: after, Pairs: []search.Pair{
			{Name: "_id", Value: strings.Join(names, ",")}, {Name: "_elements", Value: "id"}, {Name: "_count", Value: "200"},
		}})
		if err != nil {
			return err
		}
		for _, one := range page.Entries {
			there[one.Key.ID] = true
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// isGroup looks whether there is the Group.
func (c *call) isGroup() error {
	_, err := c.Session.Read(c.r.Context(), c.Key, records.ReadOptions{})
	return err
}
