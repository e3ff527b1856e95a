package scanner

import (
	"cmp"
	"fmt"
	"strings"

	"keyprof/scanner/info"
)

// defaultUser is who a connection is that did not log in.
const defaultUser = "default"

// NewUser is what keyprof calls a user of its own when it proposes one.
const NewUser = "prof"

// User is the ACL user of this connection.
func (c *Conn) User() string { return cmp.Or(c.target.Username, defaultUser) }

// ACLRule is the command that allows our user what rule says, such as "+scan".
func (c *Conn) ACLRule(rule string) string {
	return fmt.Sprintf("ACL SETUSER %s %s", c.User(), rule)
}

// ACLOwn is the command that makes a user of keyprof's own. When we are logged in
// as a user who is not the default one, it is that user, who keeps the password
// and loses every other right; else a new one.
func (c *Conn) ACLOwn() string {
	if c.User() == defaultUser {
		return ACLNewUser(c.Node)
	}
	return c.ACLRule(aclAll(c.Node))
}

// ACLNewUser is the command that makes a new user who may do what keyprof does
// and nothing else, as this version of the server understands it. PASSWORD
// stands for one.
func ACLNewUser(n info.Node) string {
	return "ACL SETUSER " + NewUser + " on >PASSWORD " + aclAll(n)
}

// aclAll takes all rights away and allows what keyprof sends.
func aclAll(n info.Node) string {
	rules := []string{ACLReadKeys(n), "-@all"}
	if n.AtLeast(7, 0) {
		rules = []string{"resetkeys", "resetchannels", "-@all", ACLReadKeys(n)}
	}
	for _, command := range AllowedCommands() {
		if (command == countKeysInSlot || command == getKeysInSlot) && !info.SlotTables(n) {
			continue // not needed
		}
		rules = append(rules, "+"+strings.ReplaceAll(command, " ", "|"))
	}
	return strings.Join(rules, " ")
}

// ACLSlots allows the user of this connection what a sample of slots needs.
func (c *Conn) ACLSlots() string {
	return c.ACLRule(CountKeysInSlot.ACLRule() + " " + getKeysRule)
}

// ACLReadKeys is the key pattern that lets a user read all keys, and write none
// where the server can tell these apart.
func ACLReadKeys(n info.Node) string {
	if n.AtLeast(7, 0) {
		return "%R~*"
	}
	return "~*"
}

// ACLProbes allows a user who may not see all keys these probes on all of them.
// From 7.0 this goes without giving the user's other commands more keys.
func ACLProbes(n info.Node, probes []Probe) string {
	rules := []string{ACLReadKeys(n)}
	for _, p := range probes {
		rules = append(rules, p.ACLRule())
	}
	text := strings.Join(rules, " ")
	if n.AtLeast(7, 0) {
		return "(" + text + ")"
	}
	return text
}
