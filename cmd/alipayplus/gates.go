package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// ready says whether the rollout has begun by the spec and, where it has not, whether
// its gates find what they need.
func (j *job) ready(ctx context.Context) (begun bool, err error) {
	state, err := rollout.ReadState(ctx, j.store, j.name)
	if err != nil {
		return false, err
	}
	if j.spec != nil && (state == nil || j.opts.newSpec && state.Spec.Hash() != j.spec.Hash()) {
		err = checkGates(j.spec)
	}
	return state != nil, err
}

// applicant is a target that says whether there is what to apply for review with. It is
// asked before a rollout begins that will apply; later on, when it applies again.
type applicant interface {
	checkApplication(ctx context.Context) error
}

// checkApplication says whether a rollout that begins has what to apply for review with.
func (j *job) checkApplication(ctx context.Context, plan *rollout.Plan) error {
	target, ok := j.target.(applicant)
	if !ok || plan.Observation.Status != alipayplus.ReleaseNewVersionCreated {
		return nil
	}
	return target.checkApplication(ctx)
}

// checkGates says which variables and programs the gates of a spec need that are not
// here. The gates are asked after the reviews, which may be days from now.
func checkGates(spec *rollout.Spec) error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(spec.Gates)) {
		for _, what := range lacks(spec.Gates[name]) {
			missing = append(missing, fmt.Sprintf("gate %s: %s", name, what))
		}
	}
	if missing == nil {
		return nil
	}
	return misused("gates need what is not here: %s", strings.Join(missing, "; "))
}

// lacks says what a gate needs that is not here.
func lacks(gate rollout.GateSpec) (missing []string) {
	var variables []string
	if gate.HTTP != nil {
		variables = slices.Sorted(maps.Values(gate.HTTP.HeadersFrom))
	}
	if gate.Prometheus != nil && gate.Prometheus.TokenFrom != "" {
		variables = append(variables, gate.Prometheus.TokenFrom)
	}
	for _, variable := range variables {
		if os.Getenv(variable) == "" {
			missing = append(missing, "set the variable "+variable)
		}
	}
	if gate.Command != nil {
		if _, err := exec.LookPath(gate.Command.Args[0]); err != nil {
			missing = append(missing, fmt.Sprintf("the command cannot be run: %v", err))
		}
	}
	return missing
}

// checkSpecGates evaluates every gate of the spec once.
func (j *job) checkSpecGates(context.Context) error {
	spec, err := readSpec(j.opts.spec)
	if err != nil {
		return err
	}
	return checkGates(spec)
}
