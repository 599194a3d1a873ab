package main

import (
	"context"
	"io"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/records"
)

type usageCommand struct {
	keepingFlags
	Days   int    `default:"7" help:"Days back, today included."`
	Client string `placeholder:"ID" help:"Through this app only."`
}

// Run shows who used how much.
func (c *usageCommand) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "usage", c) }

func (c *usageCommand) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	rows := [][]string{{"DAY", "APP", "USER", "REQUESTS", "RESOURCES", "BYTES", "REFUSED", "LIMITED", "FAILED"}}
	all, err := s.Usage(ctx, c.Days, c.Client)
	if err != nil {
		return err
	}
	for _, u := range all {
		rows = append(rows, []string{
			u.Day, dash(u.Client), dash(u.User), humanize.Comma(u.Requests), humanize.Comma(u.Resources),
			humanize.IBytes(uint64(max(u.Bytes, 0))), strconv.FormatInt(u.Refused, 10), strconv.FormatInt(u.Throttled, 10), strconv.FormatInt(u.Failed, 10),
		})
	}
	return lines(out, rows)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
