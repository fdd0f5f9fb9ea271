package alipaycn

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVersionStatusesLeadOnAsDocumented(t *testing.T) {
	allowed := map[VersionStatus][]VersionStatus{
		StatusInit:               {StatusAuditing},
		StatusAuditing:           {StatusWaitRelease, StatusBaseAuditPass, StatusAuditReject, StatusPromoteAuditReject, StatusInit},
		StatusAuditReject:        {StatusInit},
		StatusWaitRelease:        {StatusGray, StatusRelease, StatusInit},
		StatusBaseAuditPass:      {StatusRelease, StatusInit},
		StatusPromoteAuditReject: {StatusRelease, StatusInit},
		StatusGray:               {StatusGray, StatusWaitRelease, StatusRelease},
		StatusRelease:            {StatusOffline},
		StatusOffline:            {StatusRelease},
	}
	for from, to := range allowed {
		allowed[from] = append(to, StatusAuditOffline) // AlipayCN may take down any version
	}
	for _, from := range VersionStatuses() {
		for _, to := range VersionStatuses() {
			if slices.Contains(allowed[from], to) {
				require.True(t, from.CanBecome(to), "%s to %s", from, to)
			} else {
				require.False(t, from.CanBecome(to), "%s to %s", from, to)
			}
		}
	}
}

func TestWhatVersionStatusesMean(t *testing.T) {
	for _, tt := range []struct {
		status                               VersionStatus
		known, terminal, reviewed, blocksAll bool
	}{
		{StatusInit, true, false, false, false},
		{StatusAuditing, true, false, false, true},
		{StatusAuditReject, true, false, true, true},
		{StatusWaitRelease, true, false, true, true},
		{StatusBaseAuditPass, true, false, true, true},
		{StatusPromoteAuditReject, true, false, true, true},
		{StatusGray, true, false, true, true},
		{StatusRelease, true, false, true, false},
		{StatusOffline, true, false, true, false},
		{StatusAuditOffline, true, true, true, false},
		{"FROZEN", false, false, false, false},
		{"", false, false, false, false},
	} {
		t.Run(string(tt.status), func(t *testing.T) {
			require.Equal(t, tt.known, tt.status.Known())
			require.Equal(t, tt.terminal, tt.status.Terminal())
			require.Equal(t, tt.reviewed, tt.status.Reviewed())
			require.Equal(t, tt.blocksAll, tt.status.BlocksApply())
		})
	}
}

func TestAVersionIsNeverReleasedWithoutAReview(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		status, reviewed := StatusInit, false
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			next := rapid.SampledFrom(VersionStatuses()).Draw(t, "next")
			if !status.CanBecome(next) {
				continue
			}
			if status == StatusAuditing && next != StatusInit {
				reviewed = true
			}
			if next == StatusInit {
				reviewed = false
			}
			if next == StatusRelease || next == StatusGray {
				require.True(t, reviewed, "%s to %s", status, next)
			}
			status = next
		}
	})
}

func TestEnumsKnowWhatIsDocumented(t *testing.T) {
	for _, tt := range []struct {
		name    string
		known   func(string) bool
		values  []string
		unknown string
	}{
		{"bundle", func(s string) bool { return BundleID(s).Known() }, []string{"com.alipay.alipaywallet", "com.alibaba.android.rimet", "com.amap.app", "com.alibaba.ailabs.genie.webapps", "com.alipay.iot.xpaas"}, "com.example"},
		{"build status", func(s string) bool { return BuildStatus(s).Known() }, []string{"0", "1", "2", "3", "5", "6"}, "4"},
		{"scan result", func(s string) bool { return ScanResult(s).Known() }, []string{"True", "False", "NAN"}, "true"},
		{"audit result", func(s string) bool { return AuditResult(s).Known() }, []string{"PASS", "REJECT"}, "REJECTED"},
		{"audit rule", func(s string) bool { return AuditRule(s).Known() }, []string{"BASE_PROMOTE"}, "BASE"},
		{"region type", func(s string) bool { return RegionType(s).Known() }, []string{"GLOBAL", "CHINA", "LOCATION"}, "CN"},
		{"gray strategy", func(s string) bool { return GrayStrategy(s).Known() }, []string{"p10", "p30", "p50"}, "p100"},
		{"role", func(s string) bool { return MemberRole(s).Known() }, []string{"DEVELOPER", "EXPERIENCER"}, "MANAGER"},
		{"QR code size", func(s string) bool { return QRCodeSize(s).Known() }, []string{"s", "m", "l"}, "xl"},
		{"route mode", func(s string) bool { return RouteMode(s).Known() }, []string{"EXACT", "FUZZY", "PATTERN"}, "exact"},
		{"trial", func(s string) bool { return ExperienceStatus(s).Known() }, []string{"notExpVersion"}, "expVersion"},
		{"app type", func(s string) bool { return AppType(s).Known() }, []string{string(AppTypeMiniProgram), string(AppTypeMobile), string(AppTypeWeb), string(AppTypePublic), string(AppTypeBase)}, "MINIAPP"},
		{"order status", func(s string) bool { return OrderStatus(s).Known() }, []string{"MERCHANT_ORDED"}, "MERCHANT_ORDERED"},
		{"order item status", func(s string) bool { return OrderItemStatus(s).Known() }, []string{"TO_DO", "DOING", "TO_CONFIRM", "CONFIRMED", "DONE", "MERCHANT_REJECTED", "MERCHANT_CANCELLED", "ISV_REJECTED", "ISV_CANCELLED"}, "CANCELLED"},
		{"shop status", func(s string) bool { return ShopStatus(s).Known() }, []string{"ONLINE", "OFFLINE", "AVAILABLE", "INIT", "EXPIRED"}, "online"},
		{"token status", func(s string) bool { return TokenStatus(s).Known() }, []string{"valid", "invalid"}, "VALID"},
		{"version status", func(s string) bool { return VersionStatus(s).Known() }, []string{"INIT", "AUDITING", "AUDIT_REJECT", "WAIT_RELEASE", "BASE_AUDIT_PASS", "PROMOTE_AUDIT_REJECT", "GRAY", "RELEASE", "OFFLINE", "AUDIT_OFFLINE"}, "init"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, value := range tt.values {
				require.True(t, tt.known(value), value)
			}
			require.False(t, tt.known(tt.unknown))
			require.False(t, tt.known(""))
		})
	}
}
