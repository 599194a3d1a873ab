package terminology

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// resolved is an include with what it refers to.
type resolved struct {
	choice    choice
	sys       *system
	missing   *unknownSystem // instead of sys
	selection *selection     // nil without filters
	sets      []*ValueSet
}

// resolve finds what an include refers to. A code system that is missing is no
// error here.
func (s *scope) resolve(v *ValueSet, in *include) (*resolved, error) {
	if r, ok := s.resolved[in.Include]; ok {
		return r, nil
	}
	r := new(resolved)
	for _, url := range in.ValueSets {
		set, err := s.valueSet(url, v)
		if err != nil {
			return nil, err
		}
		if set == nil {
			return nil, s.missingSet(url)
		}
		if set.URL != "" && set.URL[0] != '#' {
			if !slices.Contains(s.used.valueSets, set.canonical()) {
				s.used.valueSets = append(s.used.valueSets, set.canonical())
				s.used.status = append(s.used.status, reference{"ValueSet", &set.Canonical})
			}
		}
		r.sets = append(r.sets, set)
	}
	if in.System != "" {
		r.choice = s.version(in.System, in.Version)
		sys, err := s.codeSystem(in.System, r.choice.asked)
		if err != nil && !errors.As(err, &r.missing) {
			return nil, err
		}
		r.sys = sys
		if r.sys != nil {
			s.seen(r.sys.CodeSystem)
		}
		if err := s.applyFilters(v, in, r); err != nil {
			return nil, err
		}
	}
	s.resolved[in.Include] = r
	return r, nil
}

func (s *scope) applyFilters(v *ValueSet, in *include, r *resolved) error {
	for n, f := range in.Filters {
		if f.Value == "" {
			return refuse(fault.Unprocessable, fault.CodeInvalid, filterPath(in, n), "vs-invalid", "UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE",
				"The system %s filter with property = %s, op = %s has no value", in.System, f.Property, f.Op)
		}
	}
	if len(in.Filters) == 0 || r.sys == nil {
		return nil
	}
	var err error
	if r.selection, err = r.sys.selected(in.Filters); err != nil {
		var f *filterError
		if !errors.As(err, &f) {
			return err
		}
		return refuse(fault.Unprocessable, fault.CodeNotSupported, filterPath(in, f.number), "vs-invalid", "",
			"The value set %s cannot be told: the filter %s %s %q on %s: %s", v.canonical(), f.Property, f.Op, fault.Shorten(f.Value), in.System, f.why)
	}
	return nil
}

func filterPath(in *include, n int) string {
	return includePath(in) + ".filter[" + strconv.Itoa(n) + "]"
}

func includePath(in *include) string {
	if in.exclude {
		return "ValueSet.compose.exclude[" + strconv.Itoa(in.number) + "]"
	}
	return "ValueSet.compose.include[" + strconv.Itoa(in.number) + "]"
}

func (s *scope) missingSet(reference string) error {
	url, version, _ := strings.Cut(reference, "|")
	if v := versionRules(s.o.ValueSetVersions).of(url); v != "" && version == "" {
		return refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", "VS_EXP_IMPORT_UNK_PINNED",
			"A definition for the value Set '%s' version '%s', which default-valueset-version asks for, could not be found", fault.Shorten(url), fault.Shorten(v))
	}
	return refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", "Unable_to_resolve_value_Set_",
		"A definition for the value Set '%s' could not be found", fault.Shorten(reference))
}
