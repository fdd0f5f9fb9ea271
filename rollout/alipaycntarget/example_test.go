package alipaycntarget_test

import (
	"context"
	"fmt"
	"log"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

// A version goes through AlipayCN's review and over 10, 30 and 50 percent to all users.
// At work each step has a bake time and gates, the store is a [rollout.FileStore], and
// the client is one of [alipaycn.NewFromEnv].
func Example() {
	ctx := context.Background()
	client, app := atAlipayCN()
	version := alipayplus.VersionNumber{Major: 1, Minor: 2}

	target := alipaycntarget.New(client, app, version, alipaycntarget.WithApplication(
		func(context.Context) (alipaycn.ApplyInput, error) {
			logo, err := readLogo() // anew for each application
			return alipaycn.ApplyInput{
				Description: "Order ahead and skip the queue, in all shops of the city.",
				AppLogo:     logo,
			}, err
		}))
	spec := rollout.Spec{
		Version: rollout.SpecVersion,
		Steps:   []rollout.StepSpec{{Ratio: 10}, {Ratio: 30}, {Ratio: 50}, {Ratio: 100}},
	}
	runner, err := rollout.New(target, spec, rollout.NewMemoryStore())
	if err != nil {
		log.Fatal(err)
	}
	state, err := runner.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Target, "is", state.Status)
	for _, change := range state.Changes {
		fmt.Println(change.From, "to", change.To)
	}
	// Output:
	// AlipayCN app 2021000000000002 version 1.2.0 is DONE
	// 0% to 10%
	// 10% to 30%
	// 30% to 50%
	// 50% to 100%
}
