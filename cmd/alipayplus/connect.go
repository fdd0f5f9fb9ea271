package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// platformClient makes the client that the ALIPAYPLUS_* variables and the configuration
// file name, with options besides. It does not call the platform.
func (a *app) platformClient(cmd *cobra.Command, besides ...alipayplus.Option) (*alipayplus.Client, error) {
	if err := a.settings(cmd); err != nil {
		return nil, err
	}
	missing := missingVariables(
		[]string{"ALIPAYPLUS_BASE_URL", "ALIPAYPLUS_CLIENT_ID"},
		[]string{"ALIPAYPLUS_PRIVATE_KEY", "ALIPAYPLUS_PLATFORM_PUBLIC_KEY"},
	)
	if missing != "" {
		return nil, misused("the platform and who calls it are not known: set %s", missing)
	}
	client, err := alipayplus.NewFromEnv(append(a.platformOptions(cmd), besides...)...)
	if err != nil {
		return nil, wrongUse{err}
	}
	return client, nil
}

// platformOptions are those of each client of the platform, whatever it is that it calls.
func (a *app) platformOptions(cmd *cobra.Command) []alipayplus.Option {
	options := append(a.telemetry.Client(), alipayplus.WithUserAgent(userAgent()))
	if log := verbose(cmd); log != nil {
		options = append(options, alipayplus.WithObserver(func(_ context.Context, at alipayplus.Attempt) {
			log(attempt{at.Operation, at.Number, at.Duration, at.HTTPStatus, at.ResultCode, at.TraceID, at.RetryIn, at.Err})
		}))
	}
	return options
}

// alipaycnClient makes the client that the ALIPAYCN_* variables and the configuration file
// name, with options besides. It does not call AlipayCN.
func (a *app) alipaycnClient(cmd *cobra.Command, besides ...alipaycn.Option) (*alipaycn.Client, error) {
	if err := a.settings(cmd); err != nil {
		return nil, err
	}
	keys := []string{"ALIPAYCN_PRIVATE_KEY", "ALIPAYCN_PUBLIC_KEY"}
	if os.Getenv("ALIPAYCN_ALIPAY_CERT_FILE") != "" { // in place of the public key
		keys = keys[:1]
	}
	if missing := missingVariables([]string{"ALIPAYCN_APP_ID"}, keys); missing != "" {
		return nil, misused("who calls AlipayCN is not known: set %s", missing)
	}
	options := append(a.telemetry.AlipayCN(), alipaycn.WithUserAgent(userAgent()))
	if log := verbose(cmd); log != nil {
		options = append(options, alipaycn.WithObserver(func(_ context.Context, at alipaycn.Attempt) {
			log(attempt{at.Operation, at.Number, at.Duration, at.HTTPStatus, string(at.Code), at.TraceID, at.RetryIn, at.Err})
		}))
	}
	client, err := alipaycn.NewFromEnv(append(options, besides...)...)
	if err != nil {
		return nil, wrongUse{err}
	}
	return client, nil
}

// missingVariables names the variables without which there is no client. Of keys, a
// variable has the text, or another one the name of a file with it.
func missingVariables(texts, keys []string) string {
	var missing []string
	for _, name := range texts {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	for _, name := range keys {
		if os.Getenv(name) == "" && os.Getenv(name+"_FILE") == "" {
			missing = append(missing, fmt.Sprintf("%s_FILE (or %s)", name, name))
		}
	}
	return strings.Join(missing, ", ")
}

// userAgent is the User-Agent header of all calls.
func userAgent() string { return "alipayplus-cli/" + strings.Trim(builtVersion(), "()") }

// attempt is an attempt of a call, as both libraries report it.
type attempt struct {
	operation  string
	number     int
	took       time.Duration
	httpStatus int
	code       string
	traceID    string
	retryIn    time.Duration
	err        error
}

// verbose is the function that logs the attempts of calls; nil without --verbose.
func verbose(cmd *cobra.Command) func(attempt) {
	if !isVerbose(cmd) {
		return nil
	}
	return logAttempts(cmd.ErrOrStderr())
}

// isVerbose says whether --verbose is given.
func isVerbose(cmd *cobra.Command) bool {
	if cmd == nil {
		return false
	}
	flag := cmd.Flag("verbose")
	return flag != nil && flag.Value.String() == "true"
}

// logAttempts logs attempts of calls as lines, from several goroutines too.
func logAttempts(w io.Writer) func(attempt) {
	log := slog.New(slog.NewTextHandler(w, nil))
	return func(at attempt) {
		attrs := []any{"operation", at.operation, "attempt", at.number, "took", at.took.Round(time.Millisecond)}
		if at.httpStatus != 0 {
			attrs = append(attrs, "http", at.httpStatus)
		}
		if at.code != "" {
			attrs = append(attrs, "code", at.code)
		}
		if at.traceID != "" {
			attrs = append(attrs, "trace", at.traceID)
		}
		if at.retryIn > 0 {
			attrs = append(attrs, "retry_in", at.retryIn.Round(time.Millisecond))
		}
		if at.err != nil {
			attrs = append(attrs, "error", report.OneLine(at.err.Error()))
		}
		log.Info("call", attrs...)
	}
}
