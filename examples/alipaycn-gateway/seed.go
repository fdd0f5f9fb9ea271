package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// The apps of the gateway. The mini program calls for itself, as a self-developed
// one may, without a token; the third-party app calls with the mini program's.
const (
	miniProgram = "2021000000000001"
	thirdParty  = "2021000000000002"
	version     = "0.0.1"
)

// seed adds the apps and writes their credentials: the mini program's into the
// folder itself, the third-party app's into a folder in it. It returns the token
// that the third-party app has.
func seed(g *alipaycntest.Gateway, folder string) (alipaycn.Token, error) {
	var none alipaycn.Token
	mini, err := newKey()
	if err != nil {
		return none, err
	}
	isv, err := newKey()
	if err != nil {
		return none, err
	}
	for _, app := range []alipaycntest.App{
		{ID: miniProgram, PublicKey: mini.public},
		{ID: thirdParty, PublicKey: isv.public, ThirdParty: true},
	} {
		if err := g.AddApp(app); err != nil {
			return none, err
		}
	}
	if err := g.AddVersion(miniProgram, version); err != nil {
		return none, err
	}
	token, err := g.Authorize(thirdParty, miniProgram)
	if err != nil {
		return none, err
	}
	if err := write(folder, map[string][]byte{
		"app-id": []byte(miniProgram + "\n"), "app-private-key.pem": mini.private, "alipay-public-key.pem": g.AlipayPublicKey(),
	}); err != nil {
		return none, err
	}
	return token, write(filepath.Join(folder, "third-party"), map[string][]byte{
		"app-id": []byte(thirdParty + "\n"), "app-private-key.pem": isv.private, "alipay-public-key.pem": g.AlipayPublicKey(),
		"app-auth-token": []byte(token.AppAuthToken + "\n"),
	})
}

type keyPair struct{ private, public []byte }

func newKey() (keyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return keyPair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{
		private: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		public:  pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	}, nil
}

// write writes files that their owner alone can read. A file that is there
// already is replaced, whatever its permissions were.
func write(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
