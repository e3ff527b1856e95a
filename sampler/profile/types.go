package profile

import "fmt"

// Limits on the names of types, which a server may choose as it likes: Redis's own
// are 7, and those of modules have 9 characters (module.c, moduleTypeEncodeId).
const (
	MaxTypes     = 64 // names in one profile, without OtherType
	MaxTypeBytes = 64 // bytes of a name
)

// checkTypeNames refuses more names of types than what is made of a walk can have:
// they are summed up over namespaces, each of which may bring others.
func (p *Profile) checkTypeNames() error {
	names := map[string]bool{OtherType: true}
	check := func(s *Stats) error {
		for name := range s.Types {
			names[name] = true
			if len(names) > MaxTypes+1 {
				return &fault{"types", fmt.Sprintf("more than %d", MaxTypes)}
			}
		}
		return nil
	}
	return first(
		within("totals", check(&p.Totals)),
		each("namespaces", p.Namespaces, func(n *Namespace) error { return check(&n.Stats) }),
	)
}
