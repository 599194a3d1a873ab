// Command risk serves the sample SMART app of cardiovascular risk, for one FHIR server:
//
//	go run ./apps/risk --iss http://localhost:8080/fhir
package main

import (
	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/apps/risk/app"
)

func main() { kit.Main(app.Plan()) }
