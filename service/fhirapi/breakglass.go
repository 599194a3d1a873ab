package fhirapi

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func breakGlassOperation() *operation {
	return &operation{
		name: "break-glass", url: "https://ingle.health/fhir/OperationDefinition/break-glass",
		instance: true, types: []fhir.Type{"Patient"}, writes: true, run: (*call).breakGlass,
		doc: "Shows who asks the record of a patient in an emergency, in spite of what hides it, for a while (parameter reason); the privacy officer is told.",
	}
}

func mendGlassOperation() *operation {
	return &operation{
		name: "mend-glass", url: "https://ingle.health/fhir/OperationDefinition/mend-glass",
		instance: true, types: []fhir.Type{"Patient"}, writes: true, run: (*call).mendGlass,
		doc: "Ends what $break-glass began, before its time.",
	}
}

// glassHeader names on every answer each patient for whom the glass is broken, and
// until when.
const glassHeader = "Ingle-Break-Glass"

// breakGlass answers with Parameters: patient, purpose, until.
func (c *call) breakGlass(_ context.Context, in *invocation) ([]byte, error) {
	p, err := c.glassParameters(in, "reason")
	if err != nil {
		return nil, err
	}
	g, err := c.api.config.BreakGlass(c.r, c.door, in.ID, p.text("reason"))
	if err != nil {
		return nil, err
	}
	c.sayBroken(append(c.brokenBut(in.ID), g))
	in.release = c.door.Definitions("").Release
	return json.Marshal(parametersResource([]parameter{
		texts("patient", in.key().String()), texts("purpose", "BTG"), texts("until", g.Until.UTC().Format(time.RFC3339)),
		texts("note", "What you do in this record is told to the privacy officer."),
	}))
}

func (c *call) mendGlass(_ context.Context, in *invocation) ([]byte, error) {
	if _, err := c.glassParameters(in); err != nil {
		return nil, err
	}
	if err := c.api.config.MendGlass(c.r, c.door, in.ID); err != nil {
		return nil, err
	}
	c.sayBroken(c.brokenBut(in.ID))
	in.release = c.door.Definitions("").Release
	return json.Marshal(parametersResource([]parameter{texts("patient", in.key().String()), texts("note", "The glass is whole again.")}))
}

func (c *call) glassParameters(in *invocation, names ...string) (parameters, error) {
	if c.api.config.BreakGlass == nil {
		return parameters{}, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "This server asks nobody who they are, so that nothing is hidden behind glass.")
	}
	if !in.own {
		return parameters{}, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "$%s is a request of its own, no part of a batch.", in.Op)
	}
	p, err := c.parametersOf(in)
	if err != nil {
		return p, err
	}
	return p, p.only(in.Op, names...)
}

// brokenBut are the glasses that were broken when the request came, but for a patient.
func (c *call) brokenBut(patient fhir.ID) []records.Glass {
	return slices.DeleteFunc(slices.Clone(c.session.Principal().Broken), func(g records.Glass) bool { return g.Patient == patient })
}

// sayBroken sets the header.
func (c *call) sayBroken(glasses []records.Glass) {
	c.w.Header().Del(glassHeader)
	for _, g := range glasses {
		c.w.Header().Add(glassHeader, "Patient/"+string(g.Patient)+"; until="+g.Until.UTC().Format(time.RFC3339))
	}
}

// brokenNotes are what a Bundle says of it.
func (c *call) brokenNotes() []fault.Issue {
	var all []fault.Issue
	for _, g := range c.session.Principal().Broken {
		all = append(all, note("You have broken the glass for Patient/"+string(g.Patient)+" until "+g.Until.UTC().Format(time.RFC3339)+": what you do in this record is told to the privacy officer."))
	}
	return all
}
