package rollout

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// ChatService is a chat service whose webhooks take messages.
type ChatService string

// The chat services.
const (
	// ChatSlack is Slack: an incoming webhook.
	ChatSlack ChatService = "slack"
	// ChatDingTalk is DingTalk: a custom robot of a group, signed when there is a secret.
	ChatDingTalk ChatService = "dingtalk"
	// ChatFeishu is Feishu, and Lark: a custom bot of a group, signed when there is a secret.
	ChatFeishu ChatService = "feishu"
)

// ChatServices returns the chat services that messages can be posted to.
func ChatServices() []ChatService { return []ChatService{ChatDingTalk, ChatFeishu, ChatSlack} }

// Known says whether messages can be posted to the service.
func (s ChatService) Known() bool { return slices.Contains(ChatServices(), s) }

// ChatOptions say where messages go.
type ChatOptions struct {
	// Service is the chat service, which says what a message looks like.
	Service ChatService
	// URL is the address of the webhook, as the service shows it. It is a secret: errors show
	// its scheme and host alone.
	URL string
	// Secret is the key of DingTalk's or Feishu's signature, where the robot's settings ask for
	// one; empty for none, and for Slack.
	Secret []byte
	// Hint is a line below the message that says what a person can do, such as the command
	// that approves what is waited for; nil, or empty for an event: none.
	Hint func(Event) string
	// Client is copied, never changed; see [WebhookOptions].
	Client *http.Client
	// Timeout is how long a delivery may take, all attempts together; 0: 10 seconds.
	Timeout time.Duration
}

// Validate checks the options. The error is an [alipayplus.ValidationError], which shows
// neither the address nor the secret.
func (o ChatOptions) Validate() error {
	var fields []alipayplus.FieldError
	if !o.Service.Known() {
		fields = append(fields, alipayplus.FieldError{Path: "service", Message: "must be one of dingtalk, feishu, slack"})
	}
	if o.Service == ChatSlack && len(o.Secret) > 0 {
		fields = append(fields, alipayplus.FieldError{Path: "secret", Message: "is not for slack, whose address is the secret"})
	}
	fields = append(fields, checkHook(o.URL, o.Timeout)...)
	return notValid("chat", fields)
}

// ChatSink posts what people want to know to a chat: that the version was applied for, verdicts,
// ratios, approvals, what stops the rollout, its end, and once that it waits for a person. It
// leaves out what comes all the time: other waits, gates, retries. It is sent again as
// [WebhookSink] does it. Text of others cannot mention anybody. It is safe for concurrent
// use. It does no I/O; the error is that of [ChatOptions.Validate].
//
// The bodies and signatures are those that Slack, DingTalk and Feishu document for their webhooks.
func ChatSink(options ChatOptions) (Sink, error) {
	options.Secret = slices.Clone(options.Secret)
	if err := options.Validate(); err != nil {
		return nil, err
	}
	options.Timeout = cmp.Or(options.Timeout, defaultWebhookTimeout)
	chat := &chat{options: options, sending: newDelivery(options.Client)}
	return chat.deliver, nil
}

type chat struct {
	options ChatOptions
	sending *transport.Transport

	mu sync.Mutex
	// said is what was waited for when that was said last, by rollout.
	said map[string]string
}

// wants says whether people want to know of an event.
func (c *chat) wants(e Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.Kind {
	case EventWaiting:
		if e.Wait != WaitApproval || c.said[e.Rollout] == e.What {
			return false
		}
		if c.said == nil {
			c.said = make(map[string]string)
		}
		c.said[e.Rollout] = e.What
		return true
	case EventStarted, EventChanging, EventGate, EventRetrying, EventClock:
		return false
	default:
		return true
	}
}

func (c *chat) deliver(ctx context.Context, e Event) error {
	if !c.wants(e) {
		return nil
	}
	now := time.Now()
	address, body, err := c.message(c.text(e), now)
	if err != nil {
		return fmt.Errorf("rollout: chat: write the event %s: %w", e.Kind, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	_, err = c.sending.Do(ctx, &transport.Call{
		Operation: "webhook", Method: http.MethodPost, URL: address,
		ContentType: "application/json; charset=utf-8", Body: body, Repeatable: true, Classify: classifyChat,
		Sign: func(context.Context, http.Header) error { return nil },
	})
	return redactHook(address, err)
}

// longestMessage is how many characters a message may have. The services take several
// thousand; nobody reads as many.
const longestMessage = 1500

// text is what people read.
func (c *chat) text(e Event) string {
	text := printable(titleOf(e.Rollout, e.Target, e.Subject) + ": " + e.What)
	if e.By != "" && !strings.Contains(text, " by "+e.By) {
		text += printable(" (by " + e.By + ")")
	}
	if letters := []rune(text); len(letters) > longestMessage {
		text = string(letters[:longestMessage]) + "..."
	}
	if c.options.Hint != nil {
		if hint := printable(c.options.Hint(e)); hint != "" {
			text += "\n" + hint
		}
	}
	return text
}

// message is the request of the service.
func (c *chat) message(text string, now time.Time) (address string, body []byte, err error) {
	type object = map[string]any
	var message object
	address = c.options.URL
	switch c.options.Service {
	case ChatSlack:
		// & < > are all that Slack's markup begins with: <!channel> would mention everybody.
		message = object{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)}
	case ChatDingTalk:
		message = object{"msgtype": "text", "text": object{"content": text}}
		address, err = signDingTalk(address, c.options.Secret, now)
	case ChatFeishu:
		// A tag <at user_id="all"> would mention everybody, and nothing escapes it.
		message = object{"msg_type": "text", "content": object{"text": strings.ReplaceAll(text, "<", "\uff1c")}}
		if len(c.options.Secret) > 0 {
			message["timestamp"], message["sign"] = signFeishu(c.options.Secret, now)
		}
	}
	if err == nil {
		body, err = json.Marshal(message)
	}
	return address, body, err
}

// signDingTalk adds timestamp, in milliseconds, and sign to the address: the HMAC-SHA256 of the
// timestamp, a line break and the secret, whose key is the secret. Without a secret the
// address stays.
func signDingTalk(address string, secret []byte, now time.Time) (string, error) {
	if len(secret) == 0 {
		return address, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errHookAddress
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "\n" + string(secret)))
	query := u.Query()
	query.Set("timestamp", timestamp)
	query.Set("sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// signFeishu returns the timestamp, in seconds, and sign: the HMAC-SHA256 of nothing, whose key
// is the timestamp, a line break and the secret.
func signFeishu(secret []byte, now time.Time) (timestamp, sign string) {
	timestamp = strconv.FormatInt(now.Unix(), 10)
	return timestamp, base64.StdEncoding.EncodeToString(hmac.New(sha256.New, []byte(timestamp+"\n"+string(secret))).Sum(nil))
}

// classifyChat reads the answer of a service: DingTalk and Feishu answer 200 to what they
// refuse, with a code other than 0.
func classifyChat(a *transport.Answer) transport.Classification {
	c := classifyDelivery(a)
	if c.Err != nil {
		return c
	}
	var answer struct {
		DingTalk int    `json:"errcode"`
		Why      string `json:"errmsg"`
		Feishu   int    `json:"code"`
		Reason   string `json:"msg"`
	}
	_ = json.Unmarshal(a.Body, &answer) // Slack answers "ok"
	if code := cmp.Or(answer.DingTalk, answer.Feishu); code != 0 {
		const busy = -1 // DingTalk's, to be tried again
		return transport.Classification{
			Err:   fmt.Errorf("the service refused it: code %d: %.200s", code, printable(cmp.Or(answer.Why, answer.Reason))),
			Retry: code == busy, NoEffect: true,
		}
	}
	return transport.Classification{}
}
