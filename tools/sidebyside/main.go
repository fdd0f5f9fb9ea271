// Command sidebyside measures what the library costs beside a floor: the same work written with the standard library and
// plain structs alone.
//
//	go run ./tools/sidebyside
//	go run ./tools/sidebyside -rounds 100 -only 'list|start'
//
// All floors and subjects take turns in one process, the floor twice, so that what else the machine does meets them alike.
// A ratio is that of one round; the noise is what the second floor differs from the first by.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"runtime"
	"slices"
	"text/tabwriter"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 30, "how often each subject is measured")
	only := flag.String("only", "", "a regular expression that chooses rows by their name; empty: all")
	flag.Parse()
	if err := run(context.Background(), *rounds, *only); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, rounds int, only string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	dir, err := os.MkdirTemp("", "sidebyside")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	all := &rows{dir: dir}
	defer all.close()
	if err := all.makeRows(ctx); err != nil {
		return err
	}
	all.each = slices.DeleteFunc(all.each, func(r *row) bool { return !chosen.MatchString(r.name) })
	for range rounds {
		for _, r := range all.each {
			if err := r.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	return printTable(ctx, os.Stdout, all.each)
}

// rows are made on what they share.
type rows struct {
	each []*row
	// dir is a folder for files.
	dir string
	// closers give back what the rows hold.
	closers []func()
}

func (r *rows) add(each ...*row) { r.each = append(r.each, each...) }

func (r *rows) makeRows(ctx context.Context) error {
	for _, group := range []func(context.Context) error{
		r.callsOfPlatform, r.callsOfAlipayCN, r.platform, r.storage, r.rollouts, r.starts,
	} {
		if err := group(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) close() {
	for _, each := range r.closers {
		each()
	}
}

// printTable writes what was measured.
func printTable(ctx context.Context, to io.Writer, rows []*row) error {
	if _, err := fmt.Fprintf(to, "%s, %s/%s, %d CPUs\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU()); err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\tfloor\tCPU min\tmedian\tnoise\ttime min\tmedian\tnoise\tallocations")
	for _, r := range rows {
		allocations := "-"
		if !r.elsewhere {
			floor, subject, err := r.allocations(ctx)
			if err != nil {
				return err
			}
			allocations = fmt.Sprintf("%.0f%+.0f", floor, subject-floor)
		}
		cpu, elapsed := r.cpu(), r.elapsed()
		_, _ = fmt.Fprintf(table, "%s\t%.0f µs\t%.2f\t%.2f\t±%.2f\t%.2f\t%.2f\t±%.2f\t%s\n", r.name, r.floorMicroseconds(),
			cpu.min, cpu.median, cpu.noise, elapsed.min, elapsed.median, elapsed.noise, allocations)
	}
	return table.Flush()
}
