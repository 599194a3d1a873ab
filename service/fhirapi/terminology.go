package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// terminology is a call of a terminology operation, as its parameters in the
// body and in the URL have it.
func (c *call) terminology(in *invocation) (records.TerminologyRequest, error) {
	r := records.TerminologyRequest{
		Release: c.format.release, Key: fhir.Key{Type: in.Type, ID: in.ID}, AcceptLanguage: c.r.Header.Get("Accept-Language"),
	}
	p, err := c.parametersOf(in)
	if err != nil {
		return r, err
	}
	r.Inputs = terminology.InputsOf(p.root)
	for _, pair := range p.pairs {
		one, err := terminology.URLInput(pair.Name, pair.Value)
		if err != nil {
			return r, err
		}
		r.Inputs = append(r.Inputs, one)
	}
	return r, nil
}

// terminologyOperation performs a terminology operation of the session.
func terminologyOperation(perform func(*records.Session, context.Context, records.TerminologyRequest) ([]byte, error)) func(*call, context.Context, *invocation) ([]byte, error) {
	return func(c *call, ctx context.Context, in *invocation) ([]byte, error) {
		r, err := c.terminology(in)
		if err != nil {
			return nil, err
		}
		return perform(c.session, ctx, r)
	}
}
