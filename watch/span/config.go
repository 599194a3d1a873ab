package span

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// config is what the environment says, by the names of OpenTelemetry's specification:
// "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
type config struct {
	endpoint string // of traces
	headers  map[string]string
	timeout  time.Duration
	gzip     bool
	tls      *tls.Config
	resource []attribute

	parents bool    // whether a trace of another process is kept is that one's to say
	ratio   float64 // of traces that are kept otherwise

	delay        time.Duration
	batch, queue int
}

// environment reads the configuration; nil when no traces are asked for: neither
// an endpoint nor OTEL_TRACES_EXPORTER=otlp is there.
func environment(getenv func(string) string) (*config, error) {
	get := func(names ...string) string {
		for _, name := range names {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				return v
			}
		}
		return ""
	}
	specific := func(name string) string {
		return get("OTEL_EXPORTER_OTLP_TRACES_"+name, "OTEL_EXPORTER_OTLP_"+name)
	}
	exporter := get("OTEL_TRACES_EXPORTER")
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") || exporter == "none" || exporter == "" && specific("ENDPOINT") == "" {
		return nil, nil
	}
	if exporter != "" && exporter != "otlp" {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: traces are sent by otlp, or by none", exporter)
	}
	if p := specific("PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: traces are sent by http/protobuf, at a collector's port 4318", p)
	}
	c := &config{parents: true, ratio: 1}
	var err error
	if c.endpoint, err = endpoint(get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), get("OTEL_EXPORTER_OTLP_ENDPOINT")); err != nil {
		return nil, err
	}
	switch z := specific("COMPRESSION"); z {
	case "", "none":
	case "gzip":
		c.gzip = true
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_COMPRESSION=%s: it is gzip or none", z)
	}
	if c.headers, err = pairs("OTEL_EXPORTER_OTLP_HEADERS", specific("HEADERS")); err != nil {
		return nil, err
	}
	if c.tls, err = secured(specific("CERTIFICATE"), specific("CLIENT_CERTIFICATE"), specific("CLIENT_KEY")); err != nil {
		return nil, err
	}
	attributes, err := pairs("OTEL_RESOURCE_ATTRIBUTES", get("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		return nil, err
	}
	name := "ingle"
	for k, v := range attributes {
		if k == "service.name" {
			name = v
			continue
		}
		c.resource = append(c.resource, attribute{k, v})
	}
	if own := get("OTEL_SERVICE_NAME"); own != "" {
		name = own
	}
	c.resource = append(c.resource, attribute{"service.name", name})
	if err := c.sampler(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG")); err != nil {
		return nil, err
	}
	number := func(name, text string, otherwise, most int) int {
		if text == "" {
			return otherwise
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 1 || n > most {
			err = fmt.Errorf("%s=%s: it is a number from 1 to %d", name, text, most)
		}
		return n
	}
	const hour = 3_600_000 // milliseconds
	c.timeout = time.Duration(number("OTEL_EXPORTER_OTLP_TIMEOUT", specific("TIMEOUT"), 10_000, hour)) * time.Millisecond
	c.delay = time.Duration(number("OTEL_BSP_SCHEDULE_DELAY", get("OTEL_BSP_SCHEDULE_DELAY"), 5_000, hour)) * time.Millisecond
	c.queue = number("OTEL_BSP_MAX_QUEUE_SIZE", get("OTEL_BSP_MAX_QUEUE_SIZE"), 2048, 1<<20)
	c.batch = min(c.queue, number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), 512, 1<<20))
	return c, err
}

// endpoint is where traces go: to that of traces as it stands, or below the general one.
func endpoint(traces, general string) (string, error) {
	name, text := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces
	if text == "" {
		name, text = "OTEL_EXPORTER_OTLP_ENDPOINT", general
	}
	if text == "" {
		text = "http://localhost:4318"
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s is not a URL: it looks like http://localhost:4318", name)
	}
	if traces == "" {
		u = u.JoinPath("v1/traces")
	}
	return u.String(), nil
}

// pairs reads "name=value,name=value" with the escapes of URLs.
func pairs(variable, text string) (map[string]string, error) {
	all := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, value, ok := strings.Cut(item, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || err != nil || name == "" {
			return nil, fmt.Errorf("%s is not a list of name=value, separated by commas", variable)
		}
		all[name] = value
	}
	return all, nil
}

func secured(authorities, certificate, key string) (*tls.Config, error) {
	if authorities == "" && certificate == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != "" {
		text, err := os.ReadFile(authorities)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate in PEM", authorities)
		}
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (c *config) sampler(name, arg string) error {
	kind, parents := strings.CutPrefix(name, "parentbased_")
	c.parents = parents || name == ""
	switch kind {
	case "", "always_on":
	case "always_off":
		c.ratio = 0
	case "traceidratio":
		if arg == "" {
			return nil
		}
		ratio, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%s: it is a number from 0 to 1", arg)
		}
		c.ratio = ratio
	default:
		return fmt.Errorf("OTEL_TRACES_SAMPLER=%s: it is always_on, always_off or traceidratio, or one of these after parentbased_", name)
	}
	return nil
}
