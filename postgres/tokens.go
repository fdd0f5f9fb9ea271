package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// ErrEncryptionKey says that a token was stored under another key than that of [NewTokenStore]. The way out is the former
// key, or to delete the token and let the merchant authorize again.
var ErrEncryptionKey = errors.New("the token is encrypted under another key (NewTokenStore); use that one, or delete the token and let the merchant authorize again")

// TokenStore is an [alipaycn.TokenStore] in a PostgreSQL database; [NewTokenStore] makes one. Tokens are stored encrypted
// (AES-GCM), each so that it can be read only as that of its app. It is safe for concurrent use, by several processes too.
type TokenStore struct {
	pool *pgxpool.Pool
	aead cipher.AEAD
}

var _ alipaycn.TokenStore = (*TokenStore)(nil)

// NewTokenStore returns the store in the database of a pool, which encrypts by a key of 32 bytes; keep it apart from the
// database. It does no I/O; the schema must have been made by [Migrate].
func NewTokenStore(pool *pgxpool.Pool, key []byte) (*TokenStore, error) {
	const keyBytes = 32
	if len(key) != keyBytes {
		return nil, fmt.Errorf("postgres: token store: key: has %d bytes, needs %d; make one with: openssl rand -out FILE 32", len(key), keyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("postgres: token store: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("postgres: token store: %w", err)
	}
	return &TokenStore{pool: pool, aead: aead}, nil
}

// Get returns the token of an app. The error matches [alipaycn.ErrNoToken] when there is none, and [ErrEncryptionKey] when
// it was stored under another key.
func (s *TokenStore) Get(ctx context.Context, authAppID string) (token alipaycn.Token, err error) {
	var sealed []byte
	err = retry(ctx, storePatience, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, `select token from alipayplus.tokens where app = $1`, []byte(authAppID)).Scan(&sealed)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return token, fmt.Errorf("postgres: get token of app %q: %w; ask its merchant to authorize (AuthorizationURL)", authAppID, alipaycn.ErrNoToken)
	}
	var text []byte
	if err == nil {
		if text, err = s.aead.Open(nil, nil, sealed, []byte(authAppID)); err != nil {
			err = ErrEncryptionKey
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &token)
	}
	if err != nil {
		return alipaycn.Token{}, fmt.Errorf("postgres: get token of app %q: %w", authAppID, explain(err))
	}
	return token, nil
}

// Put stores a token under its AuthAppID, in place of an earlier one. It refuses a token without AuthAppID or AppAuthToken.
func (s *TokenStore) Put(ctx context.Context, token alipaycn.Token) error {
	switch {
	case token.AuthAppID == "":
		return errors.New("postgres: put token: AuthAppID is empty: it names the app that the token is for")
	case token.AppAuthToken == "":
		return fmt.Errorf("postgres: put token of app %q: AppAuthToken is empty", token.AuthAppID)
	}
	text, err := json.Marshal(token)
	if err == nil {
		err = s.execute(ctx, `insert into alipayplus.tokens (app, token) values ($1, $2) on conflict (app) do update set token = excluded.token`,
			[]byte(token.AuthAppID), s.seal(token.AuthAppID, text))
	}
	if err != nil {
		return fmt.Errorf("postgres: put token of app %q: %w", token.AuthAppID, err)
	}
	return nil
}

// seal encrypts the token of an app, so that it can be read only as that.
func (s *TokenStore) seal(authAppID string, text []byte) []byte {
	return s.aead.Seal(nil, nil, text, []byte(authAppID)) //nolint:gosec // it makes a random nonce itself
}

// Delete removes the token of an app; it is no error when there is none.
func (s *TokenStore) Delete(ctx context.Context, authAppID string) error {
	if err := s.execute(ctx, `delete from alipayplus.tokens where app = $1`, []byte(authAppID)); err != nil {
		return fmt.Errorf("postgres: delete token of app %q: %w", authAppID, err)
	}
	return nil
}

// execute runs a statement, as often as it takes.
func (s *TokenStore) execute(ctx context.Context, sql string, args ...any) error {
	return explain(retry(ctx, storePatience, func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, sql, args...)
		return err
	}))
}

// List returns the ids of the apps that have a token, in ascending order.
func (s *TokenStore) List(ctx context.Context) (authAppIDs []string, err error) {
	err = retry(ctx, storePatience, func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, `select app from alipayplus.tokens order by app`)
		if err != nil {
			return err
		}
		authAppIDs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var app []byte
			err := row.Scan(&app)
			return string(app), err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: list tokens: %w", explain(err))
	}
	return authAppIDs, nil
}
