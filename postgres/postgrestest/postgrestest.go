// Package postgrestest starts a PostgreSQL server of its own for tests, from the programs that are installed.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled says that there is no PostgreSQL server on this machine.
var ErrNotInstalled = errors.New("there is no PostgreSQL server here; install one, such as Debian's package postgresql")

// Server is a server with a cluster in a temporary folder, which only a socket in that folder leads to. Nothing is synced
// to the disk unless [WithSync] asks for it. The server ends with [Server.Close], and with the process that started it,
// however that ends. CreateDatabase and URL are safe for concurrent use.
type Server struct {
	dir       string
	as        user
	args      []string
	command   *exec.Cmd
	stdin     io.WriteCloser
	databases atomic.Int64
}

// Option configures a [Server].
type Option func(*options)

type options struct{ settings []string }

// WithSync has commits synced to the disk, as a server in earnest does it.
func WithSync() Option { return func(o *options) { o.settings[0] = "fsync=on" } }

// Start starts a server, and returns when it can be called. As root, it runs as another user: postgres, or nobody. The
// error matches [ErrNotInstalled] when there is no server in PATH or below /usr/lib/postgresql.
func Start(ctx context.Context, opts ...Option) (s *Server, err error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent(), "pg") // short: the name of a socket has at most about 100 bytes
	if err != nil {
		return nil, fmt.Errorf("postgrestest: start: %w", err)
	}
	as, err := otherUser(dir)
	if err == nil {
		s, err = start(ctx, bin, dir, as, opts)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgrestest: start: %w", err), os.RemoveAll(dir))
	}
	return s, nil
}

// Programs returns the folder of the server's programs: those in PATH or, below /usr/lib/postgresql, the newest. The error
// matches [ErrNotInstalled] when there are none.
func Programs() (dir string, err error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path)
		return filepath.Dir(path), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err == nil && len(found) == 0 {
		err = ErrNotInstalled
	}
	if err != nil {
		return "", err
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func start(ctx context.Context, bin, dir string, as user, opts []Option) (*Server, error) {
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	as.runs(initdb)
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	set := options{settings: []string{"fsync=off", "listen_addresses=", "unix_socket_directories=" + dir, "max_connections=200", "log_min_messages=fatal"}}
	for _, apply := range opts {
		apply(&set)
	}
	s := &Server{dir: dir, as: as, args: []string{filepath.Join(bin, "postgres"), "-D", data}}
	for _, setting := range set.settings {
		s.args = append(s.args, "-c", setting)
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts the server again after [Server.Stop], with the databases as they were.
func (s *Server) Start(ctx context.Context) error {
	// The shell stops the server when its standard input ends, which it does with this process, and removes the folder.
	const script = `"$@" & pid=$!; read -r line; kill -INT $pid; wait $pid; [ "$line" = keep ] || { cd / && rm -rf "$FOLDER"; }`
	s.command = exec.Command("sh", append([]string{"-c", script, "sh"}, s.args...)...)
	s.as.runs(s.command)
	s.command.Dir = s.dir
	s.command.Env = append(os.Environ(), "FOLDER="+s.dir)
	stdin, err := s.command.StdinPipe()
	if err != nil {
		return err
	}
	s.stdin = stdin
	if err := s.command.Start(); err != nil {
		return err
	}
	if err := s.wait(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Stop stops the server: its sessions are ended, what was not committed is gone. [Server.Start] starts it again.
func (s *Server) Stop() error {
	_, err := io.WriteString(s.stdin, "keep\n")
	return errors.Join(err, s.Close())
}

// wait waits until the server can be called.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// URL is the address of a database for pgx; its superuser needs no password.
func (s *Server) URL(database string) string {
	return "postgres:///" + url.PathEscape(database) + "?user=postgres&host=" + url.QueryEscape(s.dir)
}

// CreateDatabase creates an empty database and returns its address.
func (s *Server) CreateDatabase(ctx context.Context) (address string, err error) {
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("postgrestest: create database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // nothing of it is needed
	if _, err := conn.Exec(ctx, "create database "+name); err != nil {
		return "", fmt.Errorf("postgrestest: create database: %w", err)
	}
	return s.URL(name), nil
}

// Close stops the server and removes its folder.
func (s *Server) Close() error {
	if err := errors.Join(s.stdin.Close(), s.command.Wait()); err != nil {
		return fmt.Errorf("postgrestest: close: %w", err)
	}
	return nil
}
