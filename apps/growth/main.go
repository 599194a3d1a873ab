// Command growth serves the sample SMART app of growth and vital signs, for one FHIR
// server:
//
//	go run ./apps/growth --iss http://localhost:8080/fhir
package main

import (
	"github.com/inglehealth/ingle/apps/growth/app"
	"github.com/inglehealth/ingle/apps/kit"
)

func main() { kit.Main(app.Plan()) }
