package main

import (
	"bytes"
	"os"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// notifyWebhook is the name of the signed webhook in --notify; the others are chat services.
const notifyWebhook = "webhook"

// notifiable are what --notify can name.
func notifiable() []string {
	names := make([]string, 0, len(rollout.ChatServices())+1)
	for _, service := range rollout.ChatServices() {
		names = append(names, string(service))
	}
	return append(names, notifyWebhook)
}

// notifyUsage is the help of --notify.
func notifyUsage() string {
	return "post events to these, of " + strings.Join(notifiable(), ", ") + ": each to the address in the variable ALIPAYPLUS_NOTIFY_<NAME>_URL, " +
		"signed by ALIPAYPLUS_NOTIFY_<NAME>_SECRET where there is one; with _FILE behind it a variable names a file"
}

// notifySinks makes the sinks that --notify names. Their addresses are secrets, and come from
// variables.
func (o *options) notifySinks() (all []rollout.Option, err error) {
	for _, name := range o.notify {
		sink, err := o.notifySink(name)
		if err != nil {
			return nil, err
		}
		all = append(all, rollout.WithSink(sink))
	}
	return all, nil
}

func (o *options) notifySink(name string) (rollout.Sink, error) {
	prefix := "ALIPAYPLUS_NOTIFY_" + strings.ToUpper(name) + "_"
	service := rollout.ChatService(name)
	if name != notifyWebhook && !service.Known() {
		if meant := validation.Nearest(name, notifiable()); meant != "" {
			return nil, misused("--notify: there is nothing called %q; did you mean %q?", name, meant)
		}
		return nil, misused("--notify: there is nothing called %q; give some of %s", name, strings.Join(notifiable(), ", "))
	}
	address, err := secretVariable(prefix + "URL")
	if err != nil {
		return nil, err
	}
	if len(address) == 0 {
		return nil, misused("--notify %s: set %sURL (or %sURL_FILE)", name, prefix, prefix)
	}
	secret, err := secretVariable(prefix + "SECRET")
	if err != nil {
		return nil, err
	}
	var sink rollout.Sink
	if name == notifyWebhook {
		sink, err = rollout.WebhookSink(rollout.WebhookOptions{URL: string(address), Secret: secret})
	} else {
		sink, err = rollout.ChatSink(rollout.ChatOptions{Service: service, URL: string(address), Secret: secret, Hint: o.hint})
	}
	if err != nil {
		return nil, misused("--notify %s: %sURL and %sSECRET: %w", name, prefix, prefix, err)
	}
	return sink, nil
}

// secretVariable is what a variable has, or the file that the one with _FILE behind its name
// names.
func secretVariable(name string) ([]byte, error) {
	if file := os.Getenv(name + "_FILE"); file != "" {
		content, err := os.ReadFile(file) //nolint:gosec // the caller says which
		if err != nil {
			return nil, misused("%s_FILE: %w", name, err)
		}
		return bytes.TrimSpace(content), nil
	}
	return []byte(os.Getenv(name)), nil
}
