package smart_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// A backend service registers its key, waits for approval, and reads by system/
// scopes. The transport fetches a token when it needs one.
func Example_service() {
	ctx := context.Background()
	server, err := smart.Discover(ctx, "https://ehr.example/fhir", smart.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := smart.NewKey() // keep key.Private()
	if err != nil {
		fmt.Println(err)
		return
	}
	made, err := server.Register(ctx, smart.Registration{
		Name: "Night job", Authentication: "private_key_jwt", GrantTypes: []string{"client_credentials"},
		Scope: "system/Patient.rs", Keys: key.Public(),
	}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &smart.Client{Server: server, ID: made.ID, Auth: key}
	source := client.Service(smart.Scopes{"system/Patient.rs"})
	fhir := &http.Client{Timeout: time.Minute, Transport: &smart.Transport{Server: server, Source: source}}
	resp, err := fhir.Get("https://ehr.example/fhir/Patient?_count=10")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}
