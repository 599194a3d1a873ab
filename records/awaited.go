package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// awaited is a reference to a version that is not here: only a write of the
// same commit can make it.
type awaited struct {
	need
	version string
	latest  int64 // that the resource has; 0 when it never was
}

// versions takes the references to existing versions out of w.needs, and
// notes those to versions that are still to come.
func (d *Door) versions(ctx context.Context, w *draft) error {
	known, err := d.store.Versions(ctx, needsOf(nil, w))
	if err != nil {
		return d.fault(err)
	}
	w.needs = slices.DeleteFunc(w.needs, func(n need) bool {
		_, version, _ := d.local(w.rel.defs, n.node.Text())
		if version == "" || w.hidden[n.key] {
			return false
		}
		latest := known[n.key].Version
		number, ok := parseVersion(version)
		if ok && number <= latest {
			return true
		}
		w.awaited = append(w.awaited, awaited{n, version, latest})
		return false
	})
	return nil
}

// made are the versions that writes make.
func made(writes []store.Write) map[fhir.Key]int64 {
	versions := make(map[fhir.Key]int64, len(writes))
	for _, w := range writes {
		versions[w.Key] = w.Expect + 1
	}
	return versions
}

// arrives refuses a draft that refers to a version which neither is here nor
// is made along with it. A resource that is missing altogether is refused as
// one of w.needs.
func (w *draft) arrives(made map[fhir.Key]int64) error {
	var issues []fault.Issue
	for _, a := range w.awaited {
		latest := max(a.latest, made[a.key])
		if number, ok := parseVersion(a.version); latest > 0 && (!ok || number > latest) {
			issues = append(issues, issueAt(a.node, fault.CodeNotFound,
				"%s has no version %q here, its latest is %d: refer to that, or to the resource without a version", a.key, a.version, latest))
		}
	}
	if issues == nil {
		return nil
	}
	return fault.Of(fault.Unprocessable, issues)
}
