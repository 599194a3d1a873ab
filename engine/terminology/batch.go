package terminology

import (
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
)

// MaxBatch bounds the validations of one batch.
const MaxBatch = 1000

// BatchInputs takes a batch of validations apart: each parameter called
// validation holds the parameters of one, to which those beside it are joined.
func BatchInputs(in Inputs) ([]Inputs, error) {
	var shared Inputs
	var out []Inputs
	for i := range in {
		if in[i].Name != "validation" {
			shared = append(shared, in[i])
			continue
		}
		r := in[i].Node.Child("resource")
		if r.Type() == nil || r.Type().Name != "Parameters" {
			return nil, fault.New(fault.Invalid, fault.CodeValue, in[i].path(), "validation must hold a Parameters resource.")
		}
		out = append(out, InputsOf(r))
	}
	switch {
	case len(out) == 0:
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "Send the parameter validation once for each code: a Parameters resource as for $validate-code.")
	case len(out) > MaxBatch:
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "A batch holds at most %d validations, and this one has %d.", MaxBatch, len(out))
	}
	for i := range out {
		out[i] = append(out[i], slices.Clone(shared)...)
	}
	return out, nil
}
