package records_test

import (
	"context"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// probesOfWriting are writes that could tell of what is hidden.
func probesOfWriting(label fhir.Node) []probe {
	var all []probe
	write := func(name string, try func(context.Context, *records.Session) (records.Result, error)) {
		all = append(all, probe{name, of(try)})
	}
	observing := func(rest string, args ...any) records.Content {
		return body(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"x"}`+rest+`}`, args...)
	}
	mine := `,"subject":{"reference":"Patient/p"}`
	bundled := func(name, kind string, entries ...string) {
		all = append(all, probe{kind + " " + name, of(func(ctx context.Context, s *records.Session) (*records.BundleResult, error) {
			return s.Bundle(ctx, bundle(kind, entries...), records.BundleOptions{})
		})})
	}
	for _, reference := range hiddenOf {
		k := key(reference)
		for _, literal := range []string{reference, reference + "/_history/1", reference + "/_history/7", base + "/" + reference} {
			write("create what refers to "+literal, func(ctx context.Context, s *records.Session) (records.Result, error) {
				return s.Create(ctx, "Observation", observing(mine+`,"derivedFrom":[{"reference":%q}]`, literal), records.CreateOptions{})
			})
			write("attach "+literal, func(ctx context.Context, s *records.Session) (records.Result, error) {
				return s.Create(ctx, "DocumentReference", body(`{"resourceType":"DocumentReference","status":"current","subject":{"reference":"Patient/p"},"content":[{"attachment":{"url":%q}}]}`, literal), records.CreateOptions{})
			})
		}
		write("patch "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			return s.Patch(ctx, k, records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"test","path":"/id","value":"x"}]`)}, records.UpdateOptions{})
		})
		write("update the version of "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			c := body(`{"resourceType":%q,"id":%q}`, k.Type, k.ID)
			return s.Update(ctx, k, c, records.UpdateOptions{Precondition: records.Precondition{IfMatch: []string{"1"}}})
		})
		write("put "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			return s.Update(ctx, k, body(`{"resourceType":%q,"id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, k.Type, k.ID), records.UpdateOptions{})
		})
		write("put by condition "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			pairs, _ := records.ParseCriteria("_lastUpdated=lt1970")
			return s.UpdateWhere(ctx, k.Type, pairs, body(`{"resourceType":%q,"id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, k.Type, k.ID), records.UpdateOptions{})
		})
		write("delete "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			return s.Delete(ctx, k, records.DeleteOptions{})
		})
		write("delete the version of "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			return s.Delete(ctx, k, records.DeleteOptions{Precondition: records.Precondition{IfMatch: []string{"1"}}})
		})
		write("label "+reference, func(ctx context.Context, s *records.Session) (records.Result, error) {
			return s.MetaAdd(ctx, k, label, records.UpdateOptions{})
		})
		for _, kind := range []string{"batch", "transaction"} {
			bundled("reads "+reference, kind, entry("GET", reference, "", "", ""))
			bundled("reads the version of "+reference, kind, entry("GET", reference+"/_history/1", "", "", ""))
			bundled("reads the history of "+reference, kind, entry("GET", reference+"/_history", "", "", ""))
			bundled("puts "+reference, kind, entry("PUT", reference, "", `{"resourceType":"`+string(k.Type)+`","id":"`+string(k.ID)+`","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, ""))
			bundled("deletes "+reference, kind, entry("DELETE", reference, "", "", ""))
			bundled("refers to "+reference, kind, entry("POST", "Observation", "", string(observing(mine+`,"derivedFrom":[{"reference":%q}]`, reference).JSON), ""))
		}
	}
	write("create for another", func(ctx context.Context, s *records.Session) (records.Result, error) {
		return s.Create(ctx, "Observation", observing(`,"subject":{"reference":"Patient/q"}`), records.CreateOptions{})
	})
	write("change into another's", func(ctx context.Context, s *records.Session) (records.Result, error) {
		return s.Patch(ctx, key("Observation/second"), records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/subject/reference","value":"Patient/q"}]`)}, records.UpdateOptions{})
	})
	for _, criteria := range []string{"identifier=urn:i|hid", "identifier=urn:i|vital", "derived-from:Observation.identifier=hid", "_has:Provenance:target:_id=hidden", "subject:Patient.name=Hidden"} {
		write("create unless "+criteria, func(ctx context.Context, s *records.Session) (records.Result, error) {
			pairs, _ := records.ParseCriteria(criteria)
			return s.Create(ctx, "Observation", observing(mine), records.CreateOptions{IfNoneExist: pairs})
		})
		write("patch where "+criteria, func(ctx context.Context, s *records.Session) (records.Result, error) {
			pairs, _ := records.ParseCriteria(criteria)
			return s.PatchWhere(ctx, "Observation", pairs, records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/status","value":"amended"}]`)}, records.UpdateOptions{})
		})
		write("update where "+criteria, func(ctx context.Context, s *records.Session) (records.Result, error) {
			pairs, _ := records.ParseCriteria(criteria)
			return s.UpdateWhere(ctx, "Observation", pairs, observing(mine), records.UpdateOptions{})
		})
		all = append(all, probe{"delete where " + criteria, of(func(ctx context.Context, s *records.Session) ([]records.Result, error) {
			pairs, _ := records.ParseCriteria(criteria)
			return s.DeleteWhere(ctx, "Observation", pairs, records.DeleteOptions{})
		})})
		for _, kind := range []string{"batch", "transaction"} {
			bundled("deletes where "+criteria, kind, entry("DELETE", "Observation?"+criteria, "", "", ""))
			bundled("updates where "+criteria, kind, entry("PUT", "Observation?"+criteria, "", string(observing(mine).JSON), ""))
			bundled("creates unless "+criteria, kind, entry("POST", "Observation", "", string(observing(mine).JSON), `,"ifNoneExist":"`+criteria+`"`))
			bundled("searches "+criteria, kind, entry("GET", "Observation?"+criteria, "", "", ""))
		}
		bundled("refers where "+criteria, "transaction", entry("POST", "Observation", "", string(observing(mine+`,"derivedFrom":[{"reference":"Observation?%s"}]`, criteria).JSON), ""))
	}
	return all
}
