package transport

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The options of a client that does not exist. They write down what they are given.
type (
	settings struct{ given []string }
	option   func(*settings) error
)

func text(s string) option {
	return func(cfg *settings) error {
		if s == "bad" {
			return &Problem{"text", "is bad"}
		}
		cfg.given = append(cfg.given, s)
		return nil
	}
}

func secret(content []byte) option    { return text("secret " + string(content)) }
func duration(d time.Duration) option { return text(d.String()) }

func newEnvironment() Environment[settings, option] {
	return Environment[settings, option]{Wrong: func(err error, variable string) error {
		return fmt.Errorf("%w (from %s)", err, variable)
	}}
}

// applied are the settings that the options make, and all that is wrong with them.
func applied(env Environment[settings, option]) ([]string, error) {
	var cfg settings
	var wrong []error
	for _, o := range env.Options {
		wrong = append(wrong, o(&cfg))
	}
	return cfg.given, errors.Join(wrong...)
}

func TestVariablesBecomeOptionsInTheOrderOfAsking(t *testing.T) {
	t.Setenv("A_TEXT", "hello")
	t.Setenv("A_SECRET", "hush")
	t.Setenv("A_DURATION", "1m30s")
	t.Setenv("AN_EMPTY_ONE", "")
	env := newEnvironment()

	require.True(t, env.Text("A_TEXT", text))
	require.False(t, env.Text("AN_EMPTY_ONE", text))
	require.False(t, env.Text("ONE_THAT_IS_NOT_SET", text))
	env.Secret("A_SECRET", "secret", secret)
	env.Secret("ANOTHER_SECRET_THAT_IS_NOT_SET", "secret", secret)
	env.Duration("A_DURATION", "limit", duration)
	env.Duration("A_DURATION_THAT_IS_NOT_SET", "limit", duration)
	given, err := applied(env)

	require.NoError(t, err)
	require.Equal(t, []string{"hello", "secret hush", "1m30s"}, given)
}

func TestTheFileOfASecretGoesBeforeTheSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("from the file\n"), 0o600))
	t.Setenv("A_SECRET_FILE", path)
	t.Setenv("A_SECRET", "from the variable")
	env := newEnvironment()

	env.Secret("A_SECRET", "secret", secret)
	given, err := applied(env)

	require.NoError(t, err)
	require.Equal(t, []string{"secret from the file\n"}, given)
}

func TestAFileIsReadWhenItsOptionIsApplied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	t.Setenv("A_SECRET_FILE", path)
	env := newEnvironment()

	env.Secret("A_SECRET", "secret", secret)
	require.NoError(t, os.WriteFile(path, []byte("later"), 0o600))
	given, err := applied(env)

	require.NoError(t, err)
	require.Equal(t, []string{"secret later"}, given)
}

// What is wrong with one option does not hide what is wrong with the next.
func TestEveryVariableThatIsWrongIsNamed(t *testing.T) {
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("bad"), 0o600))
	for variable, value := range map[string]string{
		"A_TEXT": "bad", "A_FOLDER_FILE": folder, "A_LOST_SECRET_FILE": filepath.Join(folder, "none"), "A_BAD_SECRET_FILE": bad,
		"A_DURATION": "45", "A_BAD_DURATION": "0s", "A_GOOD_TEXT": "good",
	} {
		t.Setenv(variable, value)
	}
	env := newEnvironment()

	env.Text("A_TEXT", text)
	env.Secret("A_FOLDER", "key", secret)
	env.Secret("A_LOST_SECRET", "key", secret)
	env.Secret("A_BAD_SECRET", "key", func(content []byte) option { return text(string(content)) })
	env.Duration("A_DURATION", "limit", duration)
	env.Duration("A_BAD_DURATION", "limit", func(time.Duration) option { return text("bad") })
	env.Text("A_GOOD_TEXT", text)
	given, err := applied(env)

	require.EqualError(t, err, strings.Join([]string{
		"text is bad (from A_TEXT)",
		`key cannot be read from the file "` + folder + `": is a directory (from A_FOLDER_FILE)`,
		"key cannot be read: no such file or directory; give the name of a file; the content itself goes into A_LOST_SECRET (from A_LOST_SECRET_FILE)",
		"text is bad (from A_BAD_SECRET_FILE)",
		"limit is not a duration such as 45s (from A_DURATION)",
		"text is bad (from A_BAD_DURATION)",
	}, "\n"))
	require.Equal(t, []string{"good"}, given)
	_, ours := errors.AsType[*Problem](err)
	require.True(t, ours)
}

// A secret that was put where its file's name belongs stays a secret, however
// short it is.
func TestASecretInPlaceOfAFileNameIsNotQuoted(t *testing.T) {
	for name, value := range map[string]string{
		"a token":             "202109BB1234567890abcdef",
		"an AES key":          "c2hhcmVkLWFlcy1rZXktMQ==",
		"one that is a path":  "/2hhcmVkLWFlcy1rZXktMQ==",
		"a key in PEM":        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
		"a key without lines": strings.Repeat("MIIEvQIBADANBg", 100),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadFile(value, "A_SECRET", "key")

			require.ErrorContains(t, err, "the content itself goes into A_SECRET")
			require.NotContains(t, err.Error(), value[1:12])
		})
	}
	_, err := ReadFile("none", "", "certificates")
	require.EqualError(t, err, "certificates cannot be read: no such file or directory; give the name of a file, not what is in it")
}
