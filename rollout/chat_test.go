package rollout_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// chatReceiver answers with bodies, the last again and again.
type chatReceiver struct {
	answers []string
	got     []delivery
}

func (r *chatReceiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	answer := r.answers[min(len(r.got), len(r.answers)-1)]
	r.got = append(r.got, delivery{at: time.Now(), url: req.URL.String(), header: req.Header.Clone(), body: body})
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
}

func chatEvent(kind rollout.EventKind, what string) rollout.Event {
	return rollout.Event{Schema: 1, Rollout: "release rel_1", Target: "release rel_1", Kind: kind, What: what}
}

func TestEachServiceGetsItsOwnForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		service      rollout.ChatService
		secret, want string
		url          string
	}{
		{rollout.ChatSlack, "", `{"text":"release rel_1: raised &lt;!channel&gt; &amp; &lt;at user_id=\"all\"&gt;"}`, "https://chat.example/hook?access_token=t"},
		{rollout.ChatDingTalk, "", `{"msgtype":"text","text":{"content":"release rel_1: raised <!channel> & <at user_id=\"all\">"}}`, "https://chat.example/hook?access_token=t"},
		{rollout.ChatFeishu, "", `{"msg_type":"text","content":{"text":"release rel_1: raised ＜!channel> & ＜at user_id=\"all\">"}}`, "https://chat.example/hook?access_token=t"},
		// The signatures are those of the program in Python that the services document.
		{
			rollout.ChatDingTalk, "this is secret", `{"msgtype":"text","text":{"content":"release rel_1: raised <!channel> & <at user_id=\"all\">"}}`,
			"https://chat.example/hook?access_token=t&sign=kczx6Tr%2Fq5M%2BcFdH%2Fk7vJZpHl6KCOCgPKhyeeYPZGh8%3D&timestamp=946684800000",
		},
		{
			rollout.ChatFeishu, "this is secret", `{"msg_type":"text","content":{"text":"release rel_1: raised ＜!channel> & ＜at user_id=\"all\">"},"timestamp":"946684800","sign":"8O59AnriZbPDFWR7vkwLHDFXZ/TuS3yHTHYWi9H7u2E="}`,
			"https://chat.example/hook?access_token=t",
		},
	} {
		synctest.Test(t, func(t *testing.T) { // it begins on 2000-01-01
			receiver := &chatReceiver{answers: []string{`{"errcode":0,"errmsg":"ok","code":0}`}}
			sink, err := rollout.ChatSink(rollout.ChatOptions{
				Service: tt.service, URL: "https://chat.example/hook?access_token=t", Secret: []byte(tt.secret), Client: &http.Client{Transport: receiver},
			})
			require.NoError(t, err)
			require.NoError(t, sink(t.Context(), chatEvent(rollout.EventRaised, `raised <!channel> & <at user_id="all">`)))
			require.Len(t, receiver.got, 1)
			require.JSONEq(t, tt.want, string(receiver.got[0].body))
			require.Equal(t, tt.url, receiver.got[0].url)
		})
	}
}

func TestAChatIsToldWhatPeopleWantToKnow(t *testing.T) {
	t.Parallel()
	receiver := &chatReceiver{answers: []string{"ok"}}
	sink, err := rollout.ChatSink(rollout.ChatOptions{
		Service: rollout.ChatSlack, URL: "https://chat.example/hook", Client: &http.Client{Transport: receiver},
		Hint: func(e rollout.Event) string {
			if e.Wait != rollout.WaitApproval {
				return ""
			}
			return "to approve: alipayplus rollout approve --ratio 10"
		},
	})
	require.NoError(t, err)
	waiting := chatEvent(rollout.EventWaiting, "waiting for approval of 10%")
	waiting.Wait = rollout.WaitApproval
	baking := chatEvent(rollout.EventWaiting, "watching 1%")
	baking.Wait = rollout.WaitBake
	other := waiting
	other.What = "waiting for approval of 100%"
	for _, e := range []rollout.Event{
		chatEvent(rollout.EventStarted, "begins"), chatEvent(rollout.EventApplied, "applied"), baking, waiting, waiting, chatEvent(rollout.EventGate, "passes"),
		waiting, other, chatEvent(rollout.EventRetrying, "again"), chatEvent(rollout.EventDone, "all\nusers \x1b[31mhave it"),
		chatEvent(rollout.EventPaused, strings.Repeat("蓝", 3000)),
	} {
		require.NoError(t, sink(t.Context(), e))
	}
	var said []string
	for _, d := range receiver.got {
		var message struct{ Text string }
		require.NoError(t, json.Unmarshal(d.body, &message))
		said = append(said, strings.TrimPrefix(message.Text, "release rel_1: "))
	}
	require.Len(t, said, 5)
	require.Equal(t, []string{
		"applied", "waiting for approval of 10%\nto approve: alipayplus rollout approve --ratio 10",
		"waiting for approval of 100%\nto approve: alipayplus rollout approve --ratio 10",
	}, said[:3])
	require.NotContains(t, said[3], "\n")
	require.NotContains(t, said[3], "\x1b")
	require.Less(t, len([]rune(said[4])), 1600)
}

// DingTalk and Feishu answer 200 to what they refuse.
func TestARefusalOfAChatServiceIsAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answers []string
		sent    int
		want    string
	}{
		{[]string{`{"errcode":310000,"errmsg":"sign not match"}`}, 1, "the service refused it: code 310000: sign not match"},
		{[]string{`{"code":19021,"msg":"sign match fail"}`}, 1, "code 19021: sign match fail"},
		{[]string{`{"errcode":-1,"errmsg":"busy"}`, `{"errcode":0}`}, 2, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			receiver := &chatReceiver{answers: tt.answers}
			sink, err := rollout.ChatSink(rollout.ChatOptions{
				Service: rollout.ChatDingTalk, URL: "https://chat.example/hook?access_token=hidden", Secret: []byte("hidden too"), Client: &http.Client{Transport: receiver},
			})
			require.NoError(t, err)
			err = sink(t.Context(), chatEvent(rollout.EventDone, "done"))
			require.Len(t, receiver.got, tt.sent)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "https://chat.example")
			require.NotContains(t, err.Error(), "hidden")
			sent, parsed := url.Parse(receiver.got[0].url)
			require.NoError(t, parsed)
			require.NotContains(t, err.Error(), sent.Query().Get("sign"))
		})
	}
}

func TestChatOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]rollout.ChatOptions{
		"service must be one of dingtalk, feishu, slack":       {Service: "icq", URL: "https://chat.example"},
		"url must be an http or https address":                 {Service: rollout.ChatSlack, URL: "chat.example"},
		"secret is not for slack, whose address is the secret": {Service: rollout.ChatSlack, URL: "https://chat.example", Secret: []byte("s")},
		"timeout must be at least 0":                           {Service: rollout.ChatFeishu, URL: "https://chat.example", Timeout: -1},
	} {
		_, err := rollout.ChatSink(options)
		require.ErrorContains(t, err, want)
	}
}
