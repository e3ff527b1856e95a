package redact

import (
	"regexp"
	"strings"

	"keyprof/sampler/pattern"
)

// template is what the rules of people make of names: their own words are
// shown, and what they captured is data.
type template struct {
	made  *regexp.Regexp // a name that the rule gave
	shown string
}

// captures are the uses of a match in the name of a rule.
var captures = regexp.MustCompile(`\$\$|\$\d+|\$\{\w+\}`)

// parseTemplate reads a rule, REGEX=NAME.
func parseTemplate(rule string) (template, bool) {
	at := strings.LastIndexByte(rule, '=')
	if at < 0 {
		return template{}, false
	}
	name := rule[at+1:]
	var made, shown strings.Builder
	for name != "" {
		use := captures.FindStringIndex(name)
		if use == nil {
			use = []int{len(name), len(name)}
		}
		text, capture := name[:use[0]], name[use[0]:use[1]]
		name = name[use[1]:]
		if capture == "$$" {
			text, capture = text+"$", ""
		}
		made.WriteString(regexp.QuoteMeta(text))
		shown.WriteString(text)
		if capture != "" {
			made.WriteString(".*")
			shown.WriteString(pattern.Wildcard)
		}
	}
	expr, err := regexp.Compile("^(?s:" + made.String() + ")$")
	return template{expr, shown.String()}, err == nil
}
