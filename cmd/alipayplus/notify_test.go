package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// A chat is told which command approves, and a webhook gets the events, signed.
func TestNotifyTellsChatsAndWebhooks(t *testing.T) {
	s := newPlace(t, "version: 1\nsteps: [{ratio: 1}, {ratio: 100, approval: true}]\n", approving)
	var mu sync.Mutex
	var chat []string
	kinds := make(map[rollout.EventKind]bool)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/hook" {
			var e rollout.Event
			if rollout.VerifyWebhook(r.Header, body, []byte("two know it"), 0) == nil && json.Unmarshal(body, &e) == nil {
				kinds[e.Kind] = true
			}
			return
		}
		var message struct{ Content struct{ Text string } }
		_ = json.Unmarshal(body, &message)
		chat = append(chat, message.Content.Text)
		_, _ = io.WriteString(w, `{"code":0}`)
	}))
	defer receiver.Close()
	t.Setenv("ALIPAYPLUS_NOTIFY_FEISHU_URL", receiver.URL+"/feishu")
	s.write("hook", receiver.URL+"/hook\n")
	t.Setenv("ALIPAYPLUS_NOTIFY_WEBHOOK_URL_FILE", s.path("hook"))
	t.Setenv("ALIPAYPLUS_NOTIFY_WEBHOOK_SECRET", "two know it")

	got, _ := s.run("--notify", "feishu,webhook", "--wait", "reviews,bake,gates")

	require.EqualValues(t, 8, got.ExitStatus)
	require.True(t, kinds[rollout.EventApplied] && kinds[rollout.EventRaised], kinds)
	last := chat[len(chat)-1]
	require.Contains(t, last, "waiting for approval of 100%\nto approve: ")
	require.True(t, strings.HasSuffix(last, " --ratio 100"), last)
}

func TestWhatNotifyLacksIsNamed(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	for name, want := range map[string]string{
		"slac":     `there is nothing called \"slac\"; did you mean \"slack\"?`,
		"icq":      "give some of dingtalk, feishu, slack, webhook",
		"slack":    "--notify slack: set ALIPAYPLUS_NOTIFY_SLACK_URL (or ALIPAYPLUS_NOTIFY_SLACK_URL_FILE)",
		"dingtalk": "url must be an http or https address",
		"webhook":  "secret is required",
		"feishu":   "ALIPAYPLUS_NOTIFY_FEISHU_URL_FILE: open nowhere",
	} {
		t.Setenv("ALIPAYPLUS_NOTIFY_DINGTALK_URL", "chat.example/hidden")
		t.Setenv("ALIPAYPLUS_NOTIFY_WEBHOOK_URL", "https://hook.example/hidden")
		t.Setenv("ALIPAYPLUS_NOTIFY_FEISHU_URL_FILE", "nowhere")
		got, stderr := s.run("--notify", name)
		require.EqualValues(t, 2, got.ExitStatus)
		require.Contains(t, got.Message, strings.ReplaceAll(want, `\"`, `"`))
		require.NotContains(t, stderr, "hidden")
	}
}
