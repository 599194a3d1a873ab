package fhirapi

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

const (
	backportGuide   = "http://hl7.org/fhir/uv/subscriptions-backport/"
	backportProfile = backportGuide + "StructureDefinition/backport-subscription"
	websocketURL    = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
)

// describeSubscriptions adds how subscribers are told of changes (Subscriptions R5
// Backport, Conformance in FHIR R4).
func (c *call) describeSubscriptions(s *capabilityStatement, rest *capRest, d *definitions.Definitions, topics []string) {
	if c.door.Subscriptions() == nil {
		return
	}
	at := slices.IndexFunc(rest.Resource, func(r capResource) bool { return r.Type == "Subscription" })
	if at < 0 {
		return
	}
	if server := map[definitions.Release]string{definitions.R4: "backport-subscription-server-r4", definitions.R4B: "backport-subscription-server"}[d.Release]; server != "" {
		s.Instantiates = append(s.Instantiates, backportGuide+"CapabilityStatement/"+server)
		guide := backportGuide + "ImplementationGuide/hl7.fhir.uv.subscriptions-backport"
		if !slices.ContainsFunc(s.Guides, func(loaded string) bool { return strings.HasPrefix(loaded, guide) }) {
			s.Guides = append(s.Guides, guide)
		}
	}
	if c.api.config.WebSocket != nil {
		rest.Extension = append(rest.Extension, capExtension{URL: websocketURL, URI: c.api.config.WebSocket(c.door)})
	}
	r := &rest.Resource[at]
	if !slices.Contains(r.SupportedProfile, backportProfile) {
		r.SupportedProfile = append(r.SupportedProfile, backportProfile)
	}
	r.Documentation = "Criteria of R4's own form, or the canonical of a topic with filters. Channels: " + strings.Join(c.api.config.Channels, ", ") + "."
	for _, topic := range topics {
		r.Extension = append(r.Extension, capExtension{URL: backportGuide + "StructureDefinition/capabilitystatement-subscriptiontopic-canonical", Canonical: topic})
	}
}
