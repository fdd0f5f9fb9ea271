package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
	"github.com/alipayplus-go/alipayplus/platform"
)

// seed makes two companies with their members, a mini program of the first, and
// two reviewers, and writes the credentials of each into a folder of its own.
func seed(ctx context.Context, p *platform.Platform, folder string) error {
	other := setup.Company()
	other.CompanyName, other.RegistrationNumber = "Red Hill Coffee Pte. Ltd.", "202100456B"
	for _, company := range []struct {
		registration alipayplus.BusinessRegistration
		members      map[string]alipayplus.Role
	}{
		{setup.Company(), map[string]alipayplus.Role{
			"owner": alipayplus.RoleOwner, "master": alipayplus.RoleMaster, "developer": alipayplus.RoleDeveloper,
		}},
		{other, map[string]alipayplus.Role{"other-owner": alipayplus.RoleOwner}},
	} {
		workspace, err := p.AddWorkspace(ctx, company.registration)
		if err != nil {
			return err
		}
		for name, role := range company.members {
			if err := p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: name, Role: role}); err != nil {
				return err
			}
			err := writeCredentials(p, filepath.Join(folder, name), func(key crypto.PublicKey) (string, error) {
				return p.AddClient(ctx, workspace, name, key)
			})
			if err != nil {
				return err
			}
		}
		if _, ok := company.members["developer"]; !ok {
			continue
		}
		if err := seedProgram(ctx, p, workspace); err != nil {
			return err
		}
	}
	for name, party := range map[string]alipayplus.Party{
		"reviewer-alipay-plus": alipayplus.PartyAlipayPlus, "reviewer-alipay-cn": alipayplus.PartyAlipayCN,
	} {
		err := writeCredentials(p, filepath.Join(folder, name), func(key crypto.PublicKey) (string, error) {
			return p.AddReviewer(ctx, party, key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seedProgram creates the mini program of examples/release, so that a developer,
// who may release but not create one, has something to release.
func seedProgram(ctx context.Context, p *platform.Platform, workspace string) error {
	owner, err := p.Client(ctx, workspace, "owner")
	if err != nil {
		return err
	}
	_, err = owner.Programs.Create(ctx, alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Blue Lake Tea"}},
	})
	return err
}

// writeCredentials makes a key, registers it, and writes what a client needs.
func writeCredentials(p *platform.Platform, folder string, register func(crypto.PublicKey) (string, error)) error {
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
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	for name, content := range map[string][]byte{
		"client-id":       []byte(id + "\n"),
		"private-key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		publicKeyFile:     p.PublicKeyPEM(),
	} {
		if err := lockedfile.Write(filepath.Join(folder, name), content); err != nil {
			return fmt.Errorf("credentials: %w", err)
		}
	}
	return nil
}
