package gateway

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// Those who have credentials.
const (
	// Owner, Master and Developer are members of the first company, Blue Lake Tea.
	Owner     = "owner"
	Master    = "master"
	Developer = "developer"
	// OtherOwner is the owner of the second company, Red Hill Coffee.
	OtherOwner = "other-owner"
	// ReviewerAlipayPlus and ReviewerAlipayCN are the two reviewing parties.
	ReviewerAlipayPlus = "reviewer-alipay-plus"
	ReviewerAlipayCN   = "reviewer-alipay-cn"
)

const keyBits = 2048

// Credentials are what somebody calls the platform with.
type Credentials struct {
	// ClientID names who calls.
	ClientID string
	// PrivateKey is the key that calls are signed with, and PlatformKey the public key that
	// answers are verified with, both PEM.
	PrivateKey, PlatformKey []byte
}

// The files of credentials.
const (
	clientIDFile    = "client-id"
	privateKeyFile  = "private-key.pem"
	platformKeyFile = "platform-public-key.pem"
	// ConfigFile is the configuration of the tool that calls with them: its --config.
	ConfigFile = "alipayplus.yaml"
)

// Options are those of a client that calls with the credentials. Where the platform is, the
// caller adds.
func (c Credentials) Options() []alipayplus.Option {
	return []alipayplus.Option{
		alipayplus.WithClientID(c.ClientID), alipayplus.WithPrivateKey(c.PrivateKey), alipayplus.WithPlatformKey("1", c.PlatformKey),
	}
}

// Who are those who have credentials, in order.
func (g *Gateway) Who() []string { return slices.Sorted(maps.Keys(g.credentials)) }

// Credentials are those of one who has some, such as [Developer]; zero for others.
func (g *Gateway) Credentials(who string) Credentials { return g.credentials[who] }

// WriteCredentials writes the credentials of all into a folder, each into one of its own:
// client-id, private-key.pem and platform-public-key.pem, which their owner alone can read, and the
// configuration of the tool that calls an address with them.
// What an earlier start left is replaced. Until release is called, the folder is this
// platform's: another one that runs does not get it.
func (g *Gateway) WriteCredentials(folder, address string) (release func(), err error) {
	_ = os.MkdirAll(folder, 0o700) // without it, the lock says what is wrong
	lock := flock.New(filepath.Join(folder, "credentials.lock"))
	release = func() { _ = lock.Close() }
	if locked, err := lock.TryLock(); err != nil || !locked {
		release()
		return nil, cmp.Or(err, fmt.Errorf("a platform runs already with the credentials in %s", folder))
	}
	for who, c := range g.credentials {
		err := writeFiles(filepath.Join(folder, who), map[string][]byte{
			clientIDFile: []byte(c.ClientID + "\n"), privateKeyFile: c.PrivateKey, platformKeyFile: c.PlatformKey,
			ConfigFile: g.config(address, folder, who),
		})
		if err != nil {
			release()
			return nil, fmt.Errorf("credentials: %w", err)
		}
	}
	return release, nil
}

// config is a configuration of the tool.
func (g *Gateway) config(address, folder, who string) []byte {
	return fmt.Appendf(nil, "platform: # alipayplus --config %s\n  base-url: %q\n  client-id: %q\n  private-key-file: %q\n  platform-public-key-file: %q\n",
		ConfigFile, address, g.credentials[who].ClientID, filepath.Join(folder, who, privateKeyFile), filepath.Join(folder, who, platformKeyFile))
}

// writeFiles writes files whose owner alone can read them, whatever was there.
func writeFiles(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder, name)
		if err := cmp.Or(os.RemoveAll(path), os.WriteFile(path, files[name], 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// Variables are the variables by which the one called who calls the platform at an address,
// with the credentials that were written into a folder.
func (g *Gateway) Variables(address, folder, who string) map[string]string {
	return map[string]string{
		"ALIPAYPLUS_BASE_URL":                 address,
		"ALIPAYPLUS_CLIENT_ID":                g.credentials[who].ClientID,
		"ALIPAYPLUS_PRIVATE_KEY_FILE":         filepath.Join(folder, who, privateKeyFile),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE": filepath.Join(folder, who, platformKeyFile),
	}
}

func (s *seed) addMember(ctx context.Context, p *platform.Platform, m platform.Member) error {
	return s.add(p, m.Name, func(key crypto.PublicKey) (string, error) { return p.AddClient(ctx, m.WorkspaceID, m.Name, key) })
}

func (s *seed) addReviewer(ctx context.Context, p *platform.Platform, party alipayplus.Party) error {
	return s.add(p, reviewerName(party), func(key crypto.PublicKey) (string, error) { return p.AddReviewer(ctx, party, key) })
}

// add makes a key, registers it, and adds the credentials.
func (s *seed) add(p *platform.Platform, who string, register func(crypto.PublicKey) (string, error)) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	id, err := register(key.Public())
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	s.Credentials[who] = Credentials{
		ClientID: id, PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), PlatformKey: p.PublicKeyPEM(),
	}
	return nil
}
