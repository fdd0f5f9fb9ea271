package alipaycn

import (
	"slices"

	"github.com/alipayplus-go/alipayplus/internal/cnapi"
)

// The writes that are not about versions, and what their states prove. No state
// proves anything about members.add (lists hide the account), qrcodes.create
// (each call makes a picture) and authorization.token (a code works once).

// provenByExperience judges experience.create and experience.cancel.
func provenByExperience(op cnapi.Operation, after Experience) effect {
	switch {
	case after.Status == ExperienceNone:
		return wanted(op == cnapi.ExperienceCancel)
	case after.QRCodeURL != "":
		return wanted(op == cnapi.ExperienceCreate)
	default:
		return effectUnknown // being packaged, or a status that is not documented
	}
}

// provenBySafeDomains judges safeDomains.add and safeDomains.remove by baseInfo.get.
func provenBySafeDomains(op cnapi.Operation, in SafeDomainInput, after BaseInfo) effect {
	listed := slices.Contains(after.SafeDomains, in.Domain)
	return wanted(listed == (op == cnapi.SafeDomainAdd))
}

// provenByMembers judges members.remove by members.list with the same role.
func provenByMembers(in RemoveMemberInput, after MemberList) effect {
	return wanted(!slices.ContainsFunc(after.Members, func(m Member) bool {
		return m.Role == in.Role && (in.UserID != "" && m.UserID == in.UserID || in.OpenID != "" && m.OpenID == in.OpenID)
	}))
}

// provenByBinding judges qrcodes.bind by all rules of the mini program, and
// returns the rule. How a list shows a rule with a pattern is not documented.
func provenByBinding(in BindQRCodeInput, after []QRCodeRule) (effect, QRCodeRule) {
	i := slices.IndexFunc(after, func(r QRCodeRule) bool { return r.RouteURL == in.RouteURL && r.Mode == in.Mode })
	if i >= 0 {
		return effectDone, after[i]
	}
	if in.RoutePattern != "" {
		return effectUnknown, QRCodeRule{}
	}
	return effectNotDone, QRCodeRule{}
}

// provenByUnbinding judges qrcodes.unbind by all rules of the mini program.
func provenByUnbinding(in UnbindQRCodeInput, after []QRCodeRule) effect {
	return wanted(!slices.ContainsFunc(after, func(r QRCodeRule) bool { return r.RouteGroup == in.RouteGroup }))
}

// provenByBaseInfo judges baseInfo.modify. A logo and categories cannot be
// compared, so a change of these alone is not proven.
func provenByBaseInfo(in ModifyBaseInfoInput, after BaseInfo) effect {
	texts := []struct{ asked, is string }{
		{in.AppName, after.AppName},
		{in.AppEnglishName, after.AppEnglishName},
		{in.AppSlogan, after.AppSlogan},
		{in.AppDescription, after.AppDescription},
		{in.ServicePhone, after.ServicePhone},
		{in.ServiceEmail, after.ServiceEmail},
	}
	given := false
	for _, text := range texts {
		if text.asked == "" {
			continue
		}
		given = true
		if text.asked != text.is {
			return effectNotDone
		}
	}
	if !given || in.AppLogo != nil || len(in.Categories) > 0 || len(in.OldCategories) > 0 {
		return effectUnknown
	}
	return effectDone
}

func wanted(asAsked bool) effect {
	if asAsked {
		return effectDone
	}
	return effectNotDone
}
