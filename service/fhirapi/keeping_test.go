package fhirapi_test

import "testing"

func TestHoldsAndErasuresOverHTTP(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.put("/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`).want(201)
	reason := func(text string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"` + text + `"}]}`
	}
	s.get("/Patient/p/$hold").want(405)
	s.do("POST", "/Patient/p/$hold", `{"resourceType":"Parameters"}`).want(400).has("a legal hold has a reason")
	s.do("POST", "/Patient/p/$hold", `{"resourceType":"Parameters","parameter":[{"name":"why","valueString":"x"}]}`).want(400).has("why")
	s.do("POST", "/Patient/p/$hold", reason("a case")).want(200).has(`"valueString":"Patient/p"`, `"valueString":"a case"`)
	s.get("/$holds").want(200).has(`"valueString":"Patient/p"`, `"valueString":"a case"`)
	s.do("DELETE", "/Observation/o", "").want(409).has("under a legal hold of Patient/p", "a case")
	s.do("POST", "/Patient/p/$erase", reason("asked")).want(409).has("Patient/p cannot be erased")
	s.do("POST", "/Patient/p/$lift-hold", `{"resourceType":"Parameters"}`).want(200)
	s.do("POST", "/Patient/p/$lift-hold", `{"resourceType":"Parameters"}`).want(404)
	s.get("/Patient/p/$erasure").want(404).has("no erasure of Patient/p was ordered")
	s.do("POST", "/Observation/o/$erase", reason("asked")).want(404)
	s.do("POST", "/Patient/p/$erase", reason("asked")).want(200).has(`{"name":"running","valueBoolean":true}`, `"valueString":"asked"`)
	s.get("/Patient/p/$erasure").want(200).has(`{"name":"resources","valueDecimal":0}`)
	s.do("POST", "/Patient/p/$hold", reason("too late")).want(409).has("is being erased")
}
