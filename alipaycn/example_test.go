package alipaycn_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// A workspace asks its merchant to authorize the third-party app.
func ExampleAuthorizationURL() {
	states, err := alipaycn.NewStateSigner(bytes.Repeat([]byte("k"), 32)) // random bytes, the same in every process
	if err != nil {
		log.Fatal(err)
	}
	state, err := states.Sign("workspace-7", time.Now().Add(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	links, err := alipaycn.AuthorizationURL(alipaycn.AuthorizationInput{
		ISVAppID:    "2021009900000101",
		RedirectURL: "https://isv.example/authorized",
		State:       state,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(links.PC[:55])
	fmt.Println(links.Phone[:55])
	// Output:
	// https://b.alipay.com/page/message/tasksDetail?bizData=%
	// alipays://platformapi/startapp?appId=2021003130652097&p
}

// The merchant's browser comes back with a code.
func ExampleParseCallback() {
	states, err := alipaycn.NewStateSigner(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		log.Fatal(err)
	}
	used := alipaycn.NewMemorySeenStore(0)

	http.HandleFunc("/authorized", func(w http.ResponseWriter, r *http.Request) {
		callback, err := alipaycn.ParseCallback(r)
		if err != nil {
			http.Error(w, "not authorized", http.StatusBadRequest)
			return
		}
		workspace, err := states.VerifyOnce(r.Context(), callback.State, time.Now(), used)
		if err != nil {
			http.Error(w, "please begin again", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintf(w, "%s is authorized", workspace) // after exchanging callback.AppAuthCode
	})
}

// Tokens are kept in a file that only its owner can read.
func ExampleNewFileTokenStore() {
	folder, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()

	ctx := context.Background()
	tokens := alipaycn.NewFileTokenStore(filepath.Join(folder, "tokens.json"))
	err = tokens.Put(ctx, alipaycn.Token{AuthAppID: "2021009900000202", AppAuthToken: "202611BB..."})
	if err != nil {
		log.Fatal(err)
	}
	token, err := tokens.Get(ctx, "2021009900000202")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
	// Output: token for app 2021009900000202
}

// An operation that the package does not wrap is called by AlipayCN's name for it.
func ExampleClient_Do() {
	client, err := alipaycn.NewFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	var plugin struct {
		Version string        `json:"plugin_version"`
		Since   alipaycn.Time `json:"gmt_create"`
	}
	response, err := client.Do(context.Background(), alipaycn.Request{
		Method: http.MethodGet,
		Path:   "alipay.open.mini.plugin.version.query", // or /v3/alipay/open/mini/plugin/version/query
		Input:  map[string]string{"plugin_id": "2021009900000404"},
	}, &plugin)
	if err != nil {
		log.Fatal(err) // an *alipaycn.Error, as that of all calls
	}
	fmt.Println(plugin.Version, response.TraceID)
	fmt.Printf("%s\n", response.Raw) // all that AlipayCN answered
}

// AlipayCN's messages keep the tokens up to date and tell the verdicts.
func ExampleNewNotificationHandler() {
	publicKey, err := os.ReadFile("alipay-public-key.pem")
	if err != nil {
		log.Fatal(err)
	}
	client, err := alipaycn.NewFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	tokens := alipaycn.NewMemoryTokenStore()
	handler, err := alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID:           "2021009900000101",
		AlipayPublicKey: publicKey,
		Handle: func(ctx context.Context, event alipaycn.Notification) error {
			switch e := event.(type) {
			case *alipaycn.AuthorizationGranted:
				if e.Token.AppAuthToken != "" {
					return tokens.Put(ctx, e.Token)
				}
				exchanged, err := client.Authorization.Exchange(ctx, e.AppAuthCode) // AlipayCN sent only the code
				if err != nil {
					return err
				}
				for _, token := range exchanged.All() {
					if err := tokens.Put(ctx, token); err != nil {
						return err
					}
				}
			case *alipaycn.AuthorizationCancelled:
				return tokens.Delete(ctx, e.AuthAppID)
			case *alipaycn.AuditPassed:
				log.Printf("%s %s passed", e.MiniAppID, e.Version)
			case *alipaycn.AuditRejected:
				log.Printf("%s %s was rejected: %s", e.MiniAppID, e.Version, e.Reason)
			default:
				log.Print(event)
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /alipay", handler)
}
