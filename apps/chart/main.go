// Command chart serves the sample SMART app, for one FHIR server:
//
//	go run ./apps/chart --iss http://localhost:8080/fhir
package main

import (
	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit"
)

func main() { kit.Main(app.Plan()) }
