package record

import "slices"

const topicType = "SubscriptionTopic"

// addTopic keeps a SubscriptionTopic, and a Basic that stands for one (Subscriptions R5
// Backport, Topic-Based Subscriptions in FHIR R4).
func (s *Set) addTopic(data []byte) error {
	var in struct {
		ResourceType string `json:"resourceType"`
		Code         struct {
			Coding []codingJSON `json:"coding"`
		} `json:"code"`
	}
	if err := unmarshal(data, &in); err != nil {
		return err
	}
	if in.ResourceType == topicType || slices.ContainsFunc(in.Code.Coding, func(c codingJSON) bool { return c.Code == topicType }) {
		s.Topics = append(s.Topics, slices.Clone(data))
	}
	return nil
}
