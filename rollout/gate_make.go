package rollout

import (
	"fmt"

	"github.com/alipayplus-go/alipayplus"
)

// makeGates makes every gate of the spec: those given in Go, those that makers make,
// and those of this package.
func (c *config) makeGates(spec *Spec) (map[string]Gate, error) {
	made := make(map[string]Gate, len(spec.Gates))
	for _, name := range sortedKeys(spec.Gates) {
		gate, err := c.makeGate(name, spec.Gates[name])
		if err != nil {
			return nil, err
		}
		made[name] = gate
	}
	for _, name := range sortedKeys(c.gates) {
		if _, ok := spec.Gates[name]; !ok {
			return nil, fmt.Errorf("rollout: gate %s is given in Go, but the spec has none of that name: %w", name, alipayplus.ErrInvalid)
		}
	}
	return made, nil
}

func (c *config) makeGate(name string, spec GateSpec) (Gate, error) {
	if gate := c.gates[name]; gate != nil {
		if spec.HTTP != nil || spec.Command != nil || spec.Prometheus != nil {
			return nil, fmt.Errorf("rollout: gate %s is given in Go, and the spec says what it asks; take one of them away: %w", name, alipayplus.ErrInvalid)
		}
		return gate, nil
	}
	for _, maker := range c.makers {
		gate, err := maker(name, spec)
		if err != nil {
			return nil, fmt.Errorf("rollout: gate %s: %w", name, err)
		}
		if gate != nil {
			return gate, nil
		}
	}
	switch {
	case spec.HTTP != nil:
		return spec.HTTP.Gate(), nil
	case spec.Command != nil:
		return spec.Command.Gate(), nil
	case spec.Prometheus != nil:
		return nil, fmt.Errorf("rollout: gate %s asks Prometheus; give WithGates the maker of the module rollout/prometheus: %w", name, alipayplus.ErrInvalid)
	default:
		return nil, fmt.Errorf("rollout: gate %s says nothing but its name; give it by WithGate, or say http or command in the spec: %w", name, alipayplus.ErrInvalid)
	}
}
