// Command alipayplus releases to Alipay+ from a terminal or a pipeline:
//
//	alipayplus rollout run --spec release.yaml --state state --release rel_1
//
// drives one release, or one version at AlipayCN, through its reviews and up the ladder to
// all users. It may be stopped or killed at any moment and started again by the same
// command: what it knows is in a folder, and what is done is not done twice. See
// "alipayplus help" for the other commands and the exit statuses.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // the zones of freeze windows, for machines and images that have no zone files
)

func main() {
	if path, err := os.Executable(); err == nil && os.Getpid() == 1 { // the first process of a container
		os.Exit(asInit(path, os.Args))
	}
	ctx, stop := untilSignal(context.Background())
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
