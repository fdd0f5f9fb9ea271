package platform

import (
	"context"
	"net/http"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

// inProcessURL is where in-process clients think that the platform is.
const inProcessURL = "http://platform.invalid"

// Client returns a client for a member that calls the platform in process,
// without a socket: whole flows can so run in a testing/synctest bubble. The
// calls are signed and verified as over the network. opts come last, so they
// may replace the retries or add an observer.
func (p *Platform) Client(ctx context.Context, workspaceID, member string, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Workspace: workspaceID, Member: member}, opts)
}

// ReviewerClient is [Platform.Client] for a reviewing party.
func (p *Platform) ReviewerClient(ctx context.Context, party alipayplus.Party, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Party: party}, opts)
}

// inProcess signs with the platform's own key, which spares making another one.
// That is safe only because such a client id is refused to anything that comes
// over a network.
func (p *Platform) inProcess(ctx context.Context, r clientRecord, opts []alipayplus.Option) (*alipayplus.Client, error) {
	r.InProcess = true
	clientID, err := p.addClient(ctx, r, p.public)
	if err != nil {
		return nil, err
	}
	wired := []alipayplus.Option{
		alipayplus.WithBaseURL(inProcessURL + p.cfg.prefix),
		alipayplus.WithClientID(clientID),
		alipayplus.WithSigner(p.signer),
		alipayplus.WithPlatformKey(p.cfg.keyVersion, p.PublicKeyPEM()),
		alipayplus.WithHTTPClient(p.HTTPClient()),
	}
	return alipayplus.New(append(wired, opts...)...)
}

// inProcessCall marks the context of a call that did not come over a network.
type inProcessCall struct{}

func isInProcess(ctx context.Context) bool { return ctx.Value(inProcessCall{}) != nil }

// HTTPClient returns an HTTP client whose every request goes to the platform in
// process, whatever its host.
func (p *Platform) HTTPClient() *http.Client {
	marked := func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), inProcessCall{}, true)))
	}
	return &http.Client{Transport: inprocess.Transport{Handler: http.HandlerFunc(marked)}}
}
