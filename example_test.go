package alipayplus_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
)

func ExampleParseVersion() {
	v, err := alipayplus.ParseVersion("1.10.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	live := alipayplus.VersionNumber{Major: 1, Minor: 9, Patch: 3}
	fmt.Println(v, "is higher than", live, v.Compare(live) > 0)

	_, err = alipayplus.ParseVersion("v1.10")
	fmt.Println(err)
	// Output:
	// 1.10.0 is higher than 1.9.3 true
	// version number: 1 field not valid: version "v1.10" is not of the form x.y.z: it must have three numbers, as in 1.2.0
}

func ExampleLadder() {
	ladder := alipayplus.DefaultLadder()
	fmt.Println("choose from", ladder)

	next, _ := ladder.Next(10)
	fmt.Println("after 10% comes", next)
	fmt.Println("while 30% is live:", ladder.From(30))

	fmt.Println(ladder.CheckRaise(30, 10))
	fmt.Println(ladder.CheckRaise(30, 40))
	// Output:
	// choose from 1%, 5%, 10%, 20%, 30%, 50%, 100%
	// after 10% comes 20%
	// while 30% is live: [50% 100%]
	// ratio 10% is not allowed: it is not above the live ratio 30%; allowed now: 50%, 100%
	// ratio 40% is not allowed: it is not on the ladder; allowed now: 50%, 100%
}

// A team that goes out more slowly than the platform offers sets a ladder of its own.
func ExampleNewLadder() {
	ladder, err := alipayplus.NewLadder(1, 2, 3, 25, 50, 75, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, _ := json.Marshal(ladder)
	fmt.Println(string(data))

	_, err = alipayplus.NewLadder(10, 5)
	fmt.Println(err)
	// Output:
	// [1,2,3,25,50,75,100]
	// ladder: 2 fields not valid: ratios[1] must be above the ratio before it; got 5 after 10; ratios[1] must be 100, the full release, because it is the last; got 5
}

func ExampleReleaseStatus_CanBecome() {
	fmt.Println(alipayplus.ReleasePreparation.CanBecome(alipayplus.ReleaseGrayscale))
	fmt.Println(alipayplus.ReleaseNewVersionCreated.CanBecome(alipayplus.ReleaseFull), "without a review")
	fmt.Println(alipayplus.ReleaseCanceled.Terminal())
	// Output:
	// true
	// false without a review
	// true
}

func ExampleLimits_CheckVersionLimit() {
	limits := alipayplus.DefaultLimits()
	fmt.Println(limits.CheckVersionLimit(alipayplus.TargetAlipayCN, 19, false))

	err := limits.CheckVersionLimit(alipayplus.TargetAlipayCN, 20, false)
	if limit, ok := errors.AsType[*alipayplus.LimitError](err); ok {
		fmt.Println(limit.Used, "of", limit.Limit)
	}
	fmt.Println(limits.CheckVersionLimit(alipayplus.TargetAlipayCN, 3, true))
	// Output:
	// <nil>
	// 20 of 20
	// versions of this mini program to ALIPAY_CN: none may be added while a version is under review; wait for the verdict or withdraw it
}

// Everything that is wrong with an input is found at once, without asking the platform.
func ExampleValidationError() {
	service := alipayplus.ServiceDescription{
		Name: "Tea at the lake", Industry: "FOOD", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "We build the mini program of your tea house.",
		PaymentInformation: alipayplus.Content{
			alipayplus.TextBlock("Two rates:"),
			alipayplus.TableBlock([]string{"plan", "price"}, []string{"month", "5 SGD"}, []string{"year"}),
		},
	}
	err := service.Validate()
	fmt.Println(errors.Is(err, alipayplus.ErrInvalid))
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		for _, field := range invalid.Fields {
			fmt.Println(field.Path, field.Message)
		}
	}
	// Output:
	// true
	// imageFileId is required
	// applicableApps must have at least 1 entry
	// paymentInformation[1].table.rows[1] must have 2 cells like the header; has 1
}

func ExampleReviewOutcome() {
	reviews := []alipayplus.Review{
		{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewApproved},
		{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewPending},
	}
	fmt.Println(alipayplus.ReviewOutcome(reviews))
	reviews[1].Status = alipayplus.ReviewApproved
	fmt.Println(alipayplus.ReviewOutcome(reviews))
	// Output:
	// UNDER_REVIEW
	// APPROVED
}

func ExamplePermissionPolicy_Check() {
	policy := alipayplus.PolicyAssignedDevelopersRelease
	fmt.Println(policy.Check(alipayplus.RoleMaster, alipayplus.ActionRelease, false))
	fmt.Println(policy.Check(alipayplus.RoleDeveloper, alipayplus.ActionRelease, false))
	// Output:
	// <nil>
	// role DEVELOPER may not RELEASE here; ask OWNER or MASTER, or have the mini program assigned to you
}
