package fhirapi

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// indexingName is the parameter by which a search takes search parameters
// whose index is not complete.
const indexingName = "_indexing"

// reindex performs $reindex: the resources of a type (parameter type), or all,
// are indexed anew in the background. It answers as $index-state does.
func (c *call) reindex(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("reindex", "type"); err != nil {
		return nil, err
	}
	var types []fhir.Type
	if t := p.text("type"); t != "" {
		if !c.known(t) {
			return nil, errParameter(p.node("type"), "%q is not a resource type.", fault.Shorten(t))
		}
		types = []fhir.Type{fhir.Type(t)}
	}
	if err := c.session.RequestReindex(ctx, types); err != nil {
		return nil, err
	}
	return c.indexed(ctx)
}

// indexState performs $index-state: which search parameters are not complete,
// which SearchParameters that are stored are not in force though active, and what the job that builds them has done.
func (c *call) indexState(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only("index-state")
	}
	if err != nil {
		return nil, err
	}
	return c.indexed(ctx)
}

func (c *call) indexed(ctx context.Context) ([]byte, error) {
	lacking, err := c.door.Incomplete(ctx)
	if err != nil {
		return nil, err
	}
	build, ever, err := c.session.Build(ctx)
	if err != nil {
		return nil, err
	}
	all := []parameter{flag("complete", len(lacking) == 0)}
	for _, i := range lacking {
		all = append(all, incompletePart(i))
	}
	stored, err := c.door.StoredParameters(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range stored {
		if p.Problem != "" {
			all = append(all, parameter{Name: "notInForce", Part: []parameter{texts("resource", p.Key.String()), texts("problem", p.Problem)}})
		}
	}
	if ever {
		all = append(all, buildPart(build))
	}
	labels, told, err := c.session.Labeling(ctx)
	if err != nil {
		return nil, err
	}
	if told {
		all = append(all, labelsPart(labels))
	}
	return json.Marshal(parametersResource(all))
}

func incompletePart(i records.Incomplete) parameter {
	state := "failed"
	if i.Reading {
		state = "building"
	}
	p := parameter{Name: "incomplete", Part: []parameter{texts("parameter", i.Param), texts("state", state), whole("percent", int64(i.Percent))}}
	if i.Problem != "" {
		p.Part = append(p.Part, texts("problem", i.Problem))
	}
	return p
}

func buildPart(b records.Build) parameter {
	r := b.Report
	p := parameter{Name: "job", Part: []parameter{
		flag("running", b.Running), whole("resourcesRead", r.Read), whole("resourcesIndexed", r.Written),
		whole("resourcesChangedMeanwhile", r.Skipped), whole("resourcesFailed", r.Refused),
		whole("rowsAdded", r.Added), whole("rowsRemoved", r.Removed), whole("rowsUnchanged", r.Unchanged),
	}}
	if !b.Ended.IsZero() {
		p.Part = append(p.Part, texts("ended", b.Ended.UTC().Format(time.RFC3339)))
	}
	if b.Error != "" {
		p.Part = append(p.Part, texts("error", b.Error))
	}
	return p
}

// labelsPart says how far the walk is that labels resources anew.
func labelsPart(l records.Labeling) parameter {
	r := l.Progress
	p := parameter{Name: "labels", Part: []parameter{
		flag("running", l.Pending), whole("resources", r.Total), whole("resourcesRead", r.Read), whole("resourcesChanged", r.Changed), whole("resourcesFailed", r.Refused),
	}}
	for _, url := range slices.Sorted(maps.Keys(l.Problems)) {
		p.Part = append(p.Part, texts("problem", url+" counts as empty: "+l.Problems[url]))
	}
	if l.Error != "" {
		p.Part = append(p.Part, texts("error", l.Error))
	}
	return p
}

// cutIndexing takes _indexing out of pairs and says whether it is partial.
func cutIndexing(pairs []search.Pair) (kept []search.Pair, partial bool, err error) {
	for i, p := range pairs {
		if p.Name != indexingName {
			continue
		}
		if p.Value != "partial" {
			return nil, false, fault.New(fault.Invalid, fault.CodeValue, "", "_indexing is partial or left out, not %q.", fault.Shorten(p.Value))
		}
		kept, _, err = cutIndexing(pairs[i+1:])
		return append(pairs[:i:i], kept...), true, err
	}
	return pairs, false, nil
}
