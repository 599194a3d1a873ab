package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/smart"
)

// What a simulation of a sandbox does to an authorization and to the data. There is
// none elsewhere: identity.Service.Simulation sees to that.

// pretend refuses an authorization, or takes scopes from it, as the simulation of its
// app has it.
func (c *call) pretend(client string, scopes *smart.Scopes) error {
	m, err := c.Identity.Simulation(c.r.Context(), client)
	if m == nil || err != nil {
		return err
	}
	if m.Fail == identity.FailDenied {
		c.step.inject("the simulation says no for the user")
		return identity.Refuse(identity.AccessDenied, "the user said no (simulated)")
	}
	kept := m.Scopes(*scopes)
	if len(kept) == 0 {
		c.step.inject("the simulation knows none of the scopes")
		return identity.Refuse(identity.InvalidScope, "none of the scopes is known here (simulated)")
	}
	if !slices.Equal(kept, *scopes) {
		c.step.inject("the simulation grants these scopes only: " + kept.String())
	}
	*scopes = kept
	return nil
}

// simulatedPath is below the base at which discovery tells of a simulation
// (identity.Service.SimulatedBase).
const simulatedPath = "/simulated/{client}/fhir"

type simulatedKey struct{}

// simulatedBase serves what is below such a base as what is below the FHIR base.
func (s *Server) simulatedBase(site *web.Site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.tenant(r.PathValue("tenant"))
		if t == nil || !t.Identity.Sandbox() {
			web.NotFound(w, r)
			return
		}
		// By place, since any letter may be escaped, and a tenant may have the same name.
		segments, first := strings.Split(r.URL.EscapedPath(), "/"), 1
		if r.PathValue("tenant") != "" {
			first = 3 // behind /t/{tenant}
		}
		escaped := strings.Join(slices.Delete(segments, first, first+2), "/")
		plain, err := url.PathUnescape(escaped)
		if err != nil {
			web.NotFound(w, r)
			return
		}
		at := *r.URL
		at.Path, at.RawPath = plain, escaped
		r = r.WithContext(context.WithValue(r.Context(), simulatedKey{}, r.PathValue("client")))
		r.URL = &at
		site.Again(w, r)
	})
}

// imitated is the simulation at whose base a discovery document is asked for; nil for
// none.
func (c *call) imitated() (*identity.Simulation, error) {
	client, _ := c.r.Context().Value(simulatedKey{}).(string)
	return c.Identity.Simulation(c.r.Context(), client)
}

// capable are the capabilities of a record system that is simulated.
func capable(is *identity.Simulation) []string {
	if is == nil {
		return capabilities
	}
	return slices.DeleteFunc(slices.Clone(capabilities), func(one string) bool {
		return is.V1 && one == "permission-v2" || is.NoRefresh && (one == "permission-offline" || one == "permission-online")
	})
}

// known are the scopes that a record system that is simulated says it knows.
func known(is *identity.Simulation) []string {
	if is == nil || is.Fail == identity.FailScope {
		return scopesSupported
	}
	return is.Scopes(scopesSupported)
}

// slowness is how long a slow record system thinks.
const slowness = 2 * time.Second

// slow waits as a slow record system does, if one is simulated.
func (s *Server) slow(ctx context.Context, a *identity.Access) error {
	if a.Simulated == nil || !a.Simulated.Slow {
		return nil
	}
	return s.config.Wait(ctx, slowness)
}

// wait lets time pass, or ctx end.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lacking are the elements that a record system with sparse data has not: optional
// ones that apps like to take for granted.
var lacking = []mask.Path{
	"Patient.telecom", "Patient.address", "Patient.maritalStatus", "Patient.communication", "Patient.birthDate",
	"Observation.referenceRange", "Observation.interpretation", "Observation.performer", "Observation.issued",
	"Condition.onset", "Condition.recordedDate", "Condition.severity",
	"MedicationRequest.dosageInstruction", "MedicationRequest.authoredOn", "MedicationRequest.reasonCode",
	"AllergyIntolerance.reaction", "AllergyIntolerance.criticality", "Encounter.reasonCode", "Encounter.participant",
	"Immunization.lotNumber", "Immunization.site", "Procedure.reasonCode", "DiagnosticReport.conclusion", "DocumentReference.description",
}

// missing are the elements that are left out for a token.
func missing(a *identity.Access) []mask.Path {
	if a.Simulated == nil || !a.Simulated.Sparse {
		return nil
	}
	return lacking
}
