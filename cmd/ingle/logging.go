package main

import (
	"io"
	"log/slog"
)

// logger spares the signatures here the package name.
type logger = *slog.Logger

type logFlags struct {
	LogFormat string `enum:"text,json" default:"text" help:"Form of the log on stderr (${enum}). It never holds clinical data."`
	LogLevel  string `enum:"debug,info,warn,error" default:"warn" help:"What is logged: 'info' adds a line for each request (${enum})."`
}

func (f logFlags) logger(w io.Writer) logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[f.LogLevel]
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
