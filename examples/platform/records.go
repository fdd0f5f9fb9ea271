package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

// signingKeyRecord is where the platform's signing key is kept, beside what the
// platform itself keeps. A platform in earnest has its key where secrets are.
const signingKeyRecord = "example/signing-key"

const keyBits = 2048

// records is where the platform's records are, and the key that it signs with.
type records struct {
	folder string // empty: in memory
	store  storage.Store
	close  func() error
	signer *rsa.PrivateKey
	// fresh says that there is nothing yet, the signing key included.
	fresh bool
}

// openRecords opens the records in a folder, or makes some in memory.
func openRecords(ctx context.Context, folder string) (*records, error) {
	r := &records{folder: folder}
	if folder == "" {
		r.store, r.close = storage.NewMemory(), func() error { return nil }
	} else {
		store, err := bolt.Open(folder)
		if err != nil {
			return nil, err
		}
		r.store, r.close = store, store.Close
	}
	if err := r.readSigner(ctx); err != nil {
		return nil, cmp.Or(err, r.close())
	}
	return r, nil
}

// readSigner reads the signing key, or makes one when there is none.
func (r *records) readSigner(ctx context.Context) error {
	var der []byte
	err := r.store.View(ctx, func(tx storage.Tx) (err error) {
		var found bool
		der, found, err = tx.Get(signingKeyRecord)
		r.fresh = !found
		return err
	})
	if err != nil {
		return err
	}
	if r.fresh {
		r.signer, err = rsa.GenerateKey(rand.Reader, keyBits)
		return err
	}
	r.signer, err = x509.ParsePKCS1PrivateKey(der)
	return err
}

// seed makes sure that the records and the credentials belong together: those that
// are fresh are made.
func (r *records) seed(ctx context.Context, credentials string) error {
	if !r.fresh {
		return r.checkCredentials(credentials)
	}
	if err := r.checkUnused(credentials); err != nil {
		return err
	}
	// Before there are any: a kill in between must not leave credentials that anybody may overwrite.
	if err := r.mark(credentials); err != nil {
		return err
	}
	return r.fill(ctx, credentials)
}

// fill fills records that are fresh and writes the credentials that belong to
// them. It does so in memory first, and then all at once: when the program is
// killed meanwhile, the next start finds nothing or everything.
func (r *records) fill(ctx context.Context, credentials string) error {
	memory := storage.NewMemory()
	p, err := platform.New(platform.WithStore(memory), platform.WithSigner(r.signer))
	if err != nil {
		return err
	}
	if err := seed(ctx, p, credentials); err != nil {
		return err
	}
	return r.store.Update(ctx, func(to storage.Tx) error {
		return memory.View(ctx, func(from storage.Tx) error {
			for entry, err := range from.Scan("", "", false) {
				if err != nil {
					return err
				}
				if err := to.Put(entry.Key, entry.Value); err != nil {
					return err
				}
			}
			return to.Put(signingKeyRecord, x509.MarshalPKCS1PrivateKey(r.signer))
		})
	})
}

// checkCredentials makes sure that the credentials in a folder are those of an
// earlier start with the same records, and not of one with others.
func (r *records) checkCredentials(folder string) error {
	want, err := publicKeyPEM(r.signer.Public())
	if err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(folder, "owner", publicKeyFile))
	if err != nil || !bytes.Equal(want, got) {
		return fmt.Errorf("the credentials in %s do not belong to the records in %s: give the -credentials of the first start, or another -data for a new one",
			folder, r.folder)
	}
	return r.mark(folder)
}

// publicKeyFile is the file of the platform's key in each folder of credentials.
const publicKeyFile = "platform-public-key.pem"

func publicKeyPEM(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}
