package main

import (
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// gateName is the gate that the spec names.
const gateName = "errors"

// spec is how each version is released, in seconds. In earnest a ratio is watched for
// hours or days.
func spec() rollout.Spec {
	const bake = rollout.Duration(time.Second)
	return rollout.Spec{
		Version: rollout.SpecVersion,
		Gates:   map[string]rollout.GateSpec{gateName: {Every: bake}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: bake, Gates: []string{gateName}},
			{Ratio: 100},
		},
	}
}
