package alipaycn

import (
	"encoding/json"
	"slices"
	"strings"
)

// withoutSecrets takes the tokens and codes of a notification out of a text
// that the user's function made, so that it can be logged.
func withoutSecrets(fields map[string]string, text string) string {
	var secrets []string
	for name, value := range fields {
		secrets = append(secrets, secretsIn(value, isSecret(name))...)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may begin another
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[hidden]")
	}
	return text
}

// secretsIn returns the texts of a value that stand under a name which says that
// they are secret. It looks into texts that hold JSON: notifications nest it so.
func secretsIn(value any, secret bool) []string {
	var found []string
	switch v := value.(type) {
	case string:
		const shortest = 4 // less is no secret, and would tear the text apart
		if secret && len(v) >= shortest {
			found = append(found, v)
		}
		var inner any
		if begin := strings.TrimSpace(v); strings.HasPrefix(begin, "{") || strings.HasPrefix(begin, "[") {
			_ = json.Unmarshal([]byte(v), &inner) // without JSON there is nothing to find
		}
		found = append(found, secretsIn(inner, secret)...)
	case map[string]any:
		for name, inner := range v {
			found = append(found, secretsIn(inner, secret || isSecret(name))...)
		}
	case []any:
		for _, inner := range v {
			found = append(found, secretsIn(inner, secret)...)
		}
	}
	return found
}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "token") || strings.Contains(name, "auth_code") || strings.Contains(name, "ticket")
}
