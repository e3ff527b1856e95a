package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// Rules are namespaces defined by users. They are tried in order, before the lexer and
// the trie. They count their matches, so they are not safe for concurrent use; see
// [Rules.Clone].
type Rules struct{ list []rule }

type rule struct {
	text   string // as it was written
	match  *regexp.Regexp
	name   string
	expand string // name as the regexp package expands it; "" if there are no captures
	names  int64
}

// Limits on rules. Each name is matched against one rule after the other, and a short
// expression can compile to a program of megabytes.
const (
	MaxRules     = 1000    // rules
	maxRuleBytes = 4096    // of one rule
	maxProgram   = 1 << 19 // instructions of all regular expressions, and characters that they tell apart
)

// RuleError describes an invalid rule and the position of the error.
type RuleError struct {
	Rule   string
	Offset int // in Rule, bytes
	Reason string
}

// Error includes the position in the rule, in characters from 1.
func (e *RuleError) Error() string {
	at := utf8.RuneCountInString(e.Rule[:e.Offset]) + 1
	return fmt.Sprintf("%s: at character %d of %q", e.Reason, at, e.Rule)
}

// ParseRules parses rules written as REGEX=NAME. The last equals sign separates the
// two. NAME may refer to captures of REGEX as $1 or ${1}; $$ is a dollar sign. There
// may be at most MaxRules. An error about one of them is a *RuleError.
func ParseRules(texts ...string) (*Rules, error) {
	if len(texts) > MaxRules {
		return nil, fmt.Errorf("%d rules, but at most %d are allowed", len(texts), MaxRules)
	}
	rules, room := &Rules{}, maxProgram
	for i, text := range texts {
		if room -= programSize(text); room < 0 {
			return nil, fmt.Errorf("the regular expressions of the first %d rules are too large when added up", i+1)
		}
		r, err := parseRule(text)
		if err != nil {
			return nil, err
		}
		rules.list = append(rules.list, r)
	}
	return rules, nil
}

// programSize returns the size of the program of a rule's regular expression, in the
// unit of maxProgram, or 0 if there is no program.
func programSize(text string) (size int) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 || len(text) > maxRuleBytes {
		return 0
	}
	parsed, err := syntax.Parse(text[:at], syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	for _, instruction := range program.Inst {
		size += 1 + len(instruction.Rune)
	}
	return size
}

func parseRule(text string) (rule, error) {
	at := strings.LastIndexByte(text, '=')
	switch {
	case len(text) > maxRuleBytes:
		return rule{}, fmt.Errorf("a rule has %d bytes, but at most %d are allowed: it begins with %.40q", len(text), maxRuleBytes, text)
	case at < 0:
		return rule{}, &RuleError{text, len(text), "a rule is written REGEX=NAME, and there is no ="}
	case at == 0:
		return rule{}, &RuleError{text, 0, "a rule is written REGEX=NAME, and REGEX is empty"}
	case at == len(text)-1:
		return rule{}, &RuleError{text, len(text), "a rule is written REGEX=NAME, and NAME is empty"}
	case unprintable(text) < len(text):
		return rule{}, &RuleError{strings.ToValidUTF8(text[:unprintable(text)], ""), unprintable(text), "a rule may hold printable characters only"}
	}
	match, err := regexp.Compile(text[:at])
	if err != nil {
		return rule{}, regexError(text, text[:at], err)
	}
	r := rule{text: text, match: match, name: text[at+1:]}
	if strings.Contains(r.name, "$") {
		r.expand = captures.ReplaceAllStringFunc(r.name, braced)
	}
	return r, r.checkName(at + 1)
}

// regexError returns an error with the position in a regular expression.
func regexError(text, expr string, err error) error {
	var bad *syntax.Error
	if !errors.As(err, &bad) {
		return &RuleError{text, 0, err.Error()}
	}
	return &RuleError{text, faultAt(expr, bad), bad.Code.String()}
}

// faultAt returns the offset of the error in expr, in bytes. For parentheses, the error
// of the regexp package quotes the whole expression instead of a part.
func faultAt(expr string, bad *syntax.Error) int {
	parse := func(n int) (code syntax.ErrorCode) { // of the first n bytes; "" for no fault
		var fault *syntax.Error
		if _, err := syntax.Parse(expr[:n], syntax.Perl); errors.As(err, &fault) {
			code = fault.Code
		}
		return code
	}
	switch bad.Code {
	case syntax.ErrMissingBracket:
		return len(expr) - len(bad.Expr)
	case syntax.ErrUnexpectedParen:
		return sort.Search(len(expr), func(n int) bool { return parse(n) == bad.Code }) - 1
	case syntax.ErrMissingParen:
		n := len(expr) - 1
		for n > 0 && parse(n) != "" {
			n--
		}
		return n
	}
	return max(0, strings.Index(expr, bad.Expr))
}

// captures matches the captures that a name refers to.
var captures = regexp.MustCompile(`\$\$|\$(\d+)|\$\{(\w+)\}|\$`)

// checkName rejects captures that the expression does not have.
func (r *rule) checkName(offset int) error {
	for _, at := range captures.FindAllStringSubmatchIndex(r.name, -1) {
		use := r.name[at[0]:at[1]]
		switch {
		case use == "$$":
		case use == "$":
			return &RuleError{r.text, offset + at[0], "$ must be followed by the number of a capture; $$ is a dollar sign"}
		case !r.hasCapture(strings.Trim(use, "${}")):
			return &RuleError{r.text, offset + at[0], fmt.Sprintf("the regular expression has %s, not %s", countCaptures(r.match.NumSubexp()), use)}
		}
	}
	return nil
}

func countCaptures(n int) string {
	if n == 1 {
		return "1 capture"
	}
	return fmt.Sprintf("%d captures", n)
}

func (r *rule) hasCapture(name string) bool {
	var n int
	if _, err := fmt.Sscanf(name, "%d", &n); err == nil {
		return n <= r.match.NumSubexp()
	}
	return r.match.SubexpIndex(name) >= 0
}

// Match returns the name given by the first rule that matches, in printable form.
func (r *Rules) Match(name string) (namespace string, ok bool) {
	for i := range r.list {
		if as, ok := r.list[i].apply(name); ok {
			r.list[i].names++
			return as, true
		}
	}
	return "", false
}

// Matches reports whether a rule matches name, without counting. Nil rules match none.
func (r *Rules) Matches(name string) bool {
	return r != nil && slices.ContainsFunc(r.list, func(x rule) bool { return x.match.MatchString(name) })
}

func (r *rule) apply(name string) (string, bool) {
	if r.expand == "" {
		return r.name, r.match.MatchString(name)
	}
	found := r.match.FindStringSubmatchIndex(name)
	if found == nil {
		return "", false
	}
	as := string(r.match.ExpandString(nil, r.expand, name, found))
	return printable(as), true
}

// braced writes $1 as ${1}: in $1x the regexp package would look for a capture
// called 1x.
func braced(use string) string {
	if use == "$$" || strings.HasPrefix(use, "${") {
		return use
	}
	return "${" + use[1:] + "}"
}

// printable returns the printable start of s, at most MaxPattern bytes long.
func printable(s string) string {
	end := unprintable(s)
	if end == len(s) && end <= MaxPattern {
		return s
	}
	end = min(end, MaxPattern-len(kindNames[Bin]))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + kindNames[Bin]
}

// Clone returns the same rules with counts of zero. Nil rules have none.
func (r *Rules) Clone() *Rules {
	if r == nil {
		return nil
	}
	c := &Rules{list: append([]rule{}, r.list...)}
	for i := range c.list {
		c.list[i].names = 0
	}
	return c
}

// Merge adds the counts of other, a clone of the same rules.
func (r *Rules) Merge(other *Rules) {
	for i := range r.list {
		r.list[i].names += other.list[i].names
	}
}

// Texts returns the rules as written, in order; nil rules have none.
func (r *Rules) Texts() (texts []string) {
	if r == nil {
		return nil
	}
	for _, rule := range r.list {
		texts = append(texts, rule.text)
	}
	return texts
}

// Unused returns the rules that matched no name.
func (r *Rules) Unused() (texts []string) {
	if r == nil {
		return nil
	}
	for _, rule := range r.list {
		if rule.names == 0 {
			texts = append(texts, rule.text)
		}
	}
	return texts
}
